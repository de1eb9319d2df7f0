import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isMosaicError, systemClock } from "../../../src/base/index.ts";
import { large, refused, type Subject, textOf } from "./subject.ts";

export function describeWriting({ store, folder, fresh }: Subject, hasClasses: boolean): void {
  test("put overwrites, and the etag changes with the bytes", async () => {
    const key = `${fresh()}over`;
    const etags = new Set<string>();
    for (const text of ["one", "two", "six", "longer than before", ""]) {
      const { etag } = await store().put(key, Buffer.from(text));
      expect(await textOf(store(), key)).toBe(`"${text}"`);
      expect(await store().head(key)).toMatchObject({ etag, sizeBytes: text.length });
      etags.add(etag);
    }
    expect(etags.size).toBe(5);
    expect(etags).not.toContain("");
  });

  test("what is put and got is copied: changing it afterwards changes nothing", async () => {
    const key = `${fresh()}own`;
    const body = Buffer.from("abc");
    await store().put(key, body);
    body.fill("x");
    const got = await store().get(key);
    if (got.status === "found") got.bytes.fill(0);
    expect(await textOf(store(), key)).toBe('"abc"');
  });

  test("a large object comes back from memory and from a file, whole and by ranges", async () => {
    const prefix = fresh();
    const path = join(folder(), "body");
    await writeFile(path, large);
    const bodies = { memory: new Uint8Array(large), file: { path } };
    for (const [from, body] of Object.entries(bodies)) {
      const { etag } = await store().put(prefix + from, body);
      expect(await store().head(prefix + from)).toMatchObject({ etag, sizeBytes: large.length });
      const whole = await store().get(prefix + from);
      expect(whole.status === "found" && large.equals(whole.bytes), from).toBe(true);
      for (const [start, end] of [
        [0, 16],
        [8_388_600, 8_388_700],
        [large.length - 5, large.length + 5],
      ] as const) {
        const part = await store().get(prefix + from, { range: { start, end } });
        expect(part.status === "found" && large.subarray(start, end).equals(part.bytes), `${from} ${start}`).toBe(true);
      }
      const last = await store().get(prefix + from, { range: { lastBytes: 100 } });
      expect(last.status === "found" && large.subarray(-100).equals(last.bytes), from).toBe(true);
    }
    expect(large.equals(await readFile(path))).toBe(true);
  });

  test("small and empty files are put as they are, conditions included", async () => {
    const prefix = fresh();
    for (const text of ["from a file", ""]) {
      const path = join(folder(), "small");
      await writeFile(path, text);
      await store().put(`${prefix}text:${text}`, { path }, { ifNoneMatch: "*" });
      expect(await textOf(store(), `${prefix}text:${text}`)).toBe(`"${text}"`);
      await expect(store().put(`${prefix}text:${text}`, { path }, { ifNoneMatch: "*" })).rejects.toMatchObject(refused);
    }
  });

  test("readers see one put or the other, never a part", async () => {
    const key = `${fresh()}torn`;
    const size = 2_000_000;
    await store().put(key, new Uint8Array(size));
    let writing = true;
    let whole = 0;
    const readers = Array.from({ length: 2 }, async () => {
      for (let reads = 0; writing || reads < 2; reads++) {
        await systemClock.sleep(0);
        // moto answers 500 to some reads that an overwrite overtakes; that is no part of an object either.
        const got = await store().get(key).catch(unlessUnavailable);
        if (got === undefined) continue;
        const bytes = got.status === "found" ? Buffer.from(got.bytes) : Buffer.alloc(0);
        expect(bytes.equals(Buffer.alloc(size, bytes[0]))).toBe(true);
        whole++;
      }
    });
    const writer = (async () => {
      for (let fill = 1; fill <= 10; fill++) await store().put(key, Buffer.alloc(size, fill));
    })().finally(() => {
      writing = false;
    });
    await Promise.all([writer, ...readers]);
    expect(whole).toBeGreaterThan(2);
  });

  test(`a storage class is ${hasClasses ? "kept" : "taken and not kept"}`, async () => {
    const key = `${fresh()}class`;
    await store().put(key, Buffer.from("x"), { storageClass: "STANDARD_IA", contentType: "application/json" });
    expect(await store().head(key)).toMatchObject({ storageClass: hasClasses ? "STANDARD_IA" : "STANDARD" });
    expect(await textOf(store(), key)).toBe('"x"');
  });

  test("delete removes, twice too, and touches no neighbour", async () => {
    const prefix = fresh();
    for (const key of ["a", "ab", "dir/a"]) await store().put(prefix + key, Buffer.from(key));
    for (const key of ["a", "a", "never/there", "dir", "ab/under"]) await store().delete(prefix + key);
    expect(await textOf(store(), `${prefix}a`)).toBe("absent");
    expect(await textOf(store(), `${prefix}ab`)).toBe('"ab"');
    expect(await textOf(store(), `${prefix}dir/a`)).toBe('"dir/a"');
  });
}

function unlessUnavailable(error: unknown): undefined {
  if (!isMosaicError(error, "unavailable")) throw error;
}
