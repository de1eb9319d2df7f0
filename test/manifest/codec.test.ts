import { describe, expect, test } from "vitest";
import { decodeManifest, encodeManifest } from "../../src/manifest/index.ts";
import { manifest } from "./sample.ts";

const bytes = encodeManifest(
  manifest({ condemned: [{ generation: 1, since: 1, deleting: false, atMs: 7, keys: ["ключ 🦊"], wal: [1, 5] }] }),
);

describe("a manifest", () => {
  test("comes back as it was written, frozen", () => {
    const decoded = decodeManifest(encodeManifest(manifest()), "manifest.json");
    expect(decoded).toEqual(manifest());
    expect(Object.isFrozen(decoded)).toBe(true);
  });

  test("is JSON that a person can read, a field a line", () => {
    const text = Buffer.from(bytes).toString();
    expect(text).toMatch(/^\{\n "checksum": "[0-9a-f]{64}",\n "format": 1,\n "tenant": "acme",\n/);
    expect(text.endsWith("}\n")).toBe(true);
  });

  test("with any one bit flipped is refused, or says the same", () => {
    const original = decodeManifest(bytes, "manifest.json");
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        let decoded: unknown;
        try {
          decoded = decodeManifest(damaged, "manifest.json");
        } catch (error) {
          expect(error).toMatchObject({ kind: "data", key: "manifest.json" });
          continue;
        }
        expect(decoded).toEqual(original);
      }
    }
  });

  test.each([0, 1, 50, bytes.length - 2])("cut after %i bytes is refused", (length) => {
    const refused = expect.objectContaining({ kind: "data", code: "manifest_damaged" });
    expect(() => decodeManifest(bytes.subarray(0, length), "manifest.json")).toThrow(refused);
  });

  test.each(["null", "[]", "1", '"text"', "{}"])("that is %s is refused", (text) => {
    const refused = expect.objectContaining({ kind: "data", code: "manifest_damaged" });
    expect(() => decodeManifest(Buffer.from(text), "manifest.json")).toThrow(refused);
  });

  test("of a later format asks for a later version, and is not called damaged", () => {
    const later = encodeManifest({ ...manifest(), format: 2 as unknown as 1 });
    const refused = expect.objectContaining({ kind: "data", code: "manifest_format_unknown", hint: "upgrade Mosaic" });
    expect(() => decodeManifest(later, "manifest.json")).toThrow(refused);
  });
});
