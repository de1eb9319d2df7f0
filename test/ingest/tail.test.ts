import fc from "fast-check";
import { expect, test } from "vitest";
import type { DocumentId } from "../../src/base/index.ts";
import { type Operation, operationBytes, Tail } from "../../src/ingest/index.ts";
import { remove, upsert } from "./operations.ts";

const ids = ["a", "b", "c", "d", "e"];
const operation = fc.tuple(fc.constantFrom(...ids), fc.boolean()).map(([id, kept]) => (kept ? upsert(id) : remove(id)));
const segments = fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 12 });

const lastOfEach = (all: readonly (readonly Operation[])[]): Map<DocumentId, Operation> =>
  new Map(all.flat().map((one) => [one.id, one]));

test("a tail is the last operation of each id that is not folded yet", () => {
  fc.assert(
    fc.property(segments, fc.nat(12), fc.nat(100), (all, folded, start) => {
      const tail = new Tail(start);
      const sequences = all.map((operations) => tail.append(operations));
      expect(sequences).toEqual(all.map((_, at) => start + at + 1));
      tail.dropThrough(start + folded);
      const left = all.slice(folded);
      const expected = lastOfEach(left);
      for (const id of ids as DocumentId[]) expect(tail.entry(id)?.operation).toBe(expected.get(id));
      const upserts = [...expected.values()].filter(({ kind }) => kind === "upsert");
      expect(new Set(tail.upserts())).toEqual(new Set(upserts));
      expect(tail.documents).toBe(upserts.length);
      expect([...tail.deleted()].sort()).toEqual(
        [...expected.values()]
          .filter(({ kind }) => kind === "delete")
          .map(({ id }) => id as string)
          .sort(),
      );
      expect(tail.segments).toBe(left.length);
      expect(tail.bytes).toBe(left.flat().reduce((sum, one) => sum + operationBytes(one), 0));
      expect(tail.lastSequence).toBe(start + Math.max(all.length, folded));
    }),
    { numRuns: 500 },
  );
});

test("what a fold takes is the last operation of each id up to its sequence, in order of last writes", () => {
  fc.assert(
    fc.property(segments, fc.nat(12), (all, through) => {
      const tail = new Tail(0);
      for (const operations of all) tail.append(operations);
      const taken = tail.through(through);
      const expected = lastOfEach(all.slice(0, through));
      expect(new Map(taken)).toEqual(expected);
      const flat = all.slice(0, through).flat();
      const places = [...taken.values()].map((one) => flat.lastIndexOf(one));
      expect(places).toEqual([...places].sort((x, y) => x - y));
    }),
    { numRuns: 500 },
  );
});
