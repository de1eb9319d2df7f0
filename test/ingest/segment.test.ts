import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSegment, encodeSegment, operationBytes, type Segment } from "../../src/ingest/index.ts";
import { anyOperation, remove, upsert } from "./operations.ts";

const segmentOf = (operations: Segment["operations"]): Segment => ({
  incarnation: "one",
  nonce: "abc",
  atMs: 1,
  operations,
});
const sample = encodeSegment(
  segmentOf([upsert("a", { text: "ключ 🦊" }), remove("b"), upsert("c", { vector: null }), upsert("a")]),
);

describe("a segment", () => {
  test("comes back as it was written", () => {
    fc.assert(
      fc.property(
        fc.array(anyOperation, { maxLength: 20 }),
        fc.string(),
        fc.string(),
        (operations, incarnation, nonce) => {
          const segment = { incarnation, nonce, atMs: 1, operations };
          expect(decodeSegment(encodeSegment(segment), "wal/1")).toEqual(segment);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("keeps every bit of a vector: −0, the smallest, the largest", () => {
    const vector = Float32Array.of(-0, 1.4e-45, 3.4028234663852886e38, -1.1754943508222875e-38, 1 / 3);
    const { operations } = decodeSegment(encodeSegment(segmentOf([upsert("a", { vector })])), "wal/1");
    const [back] = operations;
    expect(back?.kind === "upsert" && new Uint32Array(back.vector?.buffer ?? new ArrayBuffer(0))).toEqual(
      new Uint32Array(vector.buffer),
    );
  });

  test("decodes from bytes that lie anywhere in a buffer", () => {
    for (let offset = 0; offset < 8; offset++) {
      const large = new Uint8Array(sample.length + 16);
      large.set(sample, offset);
      const decoded = decodeSegment(large.subarray(offset, offset + sample.length), "wal/1");
      expect(decoded).toEqual(decodeSegment(sample, "wal/1"));
    }
  });

  test("is as long as its operations say", () => {
    fc.assert(
      fc.property(fc.array(anyOperation, { maxLength: 20 }), (operations) => {
        const said = operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
        const fixed = encodeSegment(segmentOf([])).length - "0".length + String(operations.length).length;
        expect(encodeSegment(segmentOf(operations))).toHaveLength(said + fixed);
      }),
      { numRuns: 300 },
    );
  });

  const damaged = expect.objectContaining({ kind: "data", code: "segment_damaged", key: "wal/1" });

  test("with any one byte changed is refused", () => {
    for (let at = 0; at < sample.length; at++) {
      for (const change of [1, 128, 255]) {
        const bytes = sample.slice();
        bytes[at] = (bytes[at] ?? 0) ^ change;
        expect(() => decodeSegment(bytes, "wal/1")).toThrow(damaged);
      }
    }
  });

  test("cut at any byte, or with one more, is refused", () => {
    for (let length = 0; length < sample.length; length++)
      expect(() => decodeSegment(sample.subarray(0, length), "wal/1")).toThrow(damaged);
    expect(() => decodeSegment(Buffer.concat([sample, Buffer.alloc(1)]), "wal/1")).toThrow(damaged);
  });
});
