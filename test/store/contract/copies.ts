import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BilledAs } from "../../../src/store/index.ts";
import { large, type Subject, textOf } from "./subject.ts";

export function describeCopies({ store, folder, fresh }: Subject, hasClasses: boolean, hasFiles: boolean): void {
  test("copy gives another key the same bytes, overwriting, and leaves the source", async () => {
    const prefix = fresh();
    await store().put(`${prefix}a b+ü%25`, Buffer.from("source"));
    await store().put(`${prefix}to`, Buffer.from("to be overwritten"));
    const { etag } = await store().copy(`${prefix}a b+ü%25`, `${prefix}to`);
    expect(await store().head(`${prefix}to`)).toMatchObject({ etag, sizeBytes: 6 });
    expect(await textOf(store(), `${prefix}to`)).toBe('"source"');
    expect(await textOf(store(), `${prefix}a b+ü%25`)).toBe('"source"');
  });

  test("copies and restores tell of each request that is billed", async () => {
    const prefix = fresh();
    await store().put(`${prefix}a`, Buffer.from("x"));
    const told: BilledAs[] = [];
    const onRequest = (kind: BilledAs): void => void told.push(kind);
    await store().copy(`${prefix}a`, `${prefix}b`, { storageClass: "GLACIER", onRequest });
    expect(told.filter((kind) => kind === "put")).toHaveLength(1);
    await store().restore(`${prefix}b`, { days: 1, speed: "bulk", onRequest });
    expect(told.filter((kind) => kind === "put")).toHaveLength(2);
  });

  test("copy of what is absent is not_found, and makes nothing", async () => {
    const prefix = fresh();
    await store().put(`${prefix}dir/a`, Buffer.from("x"));
    for (const absent of ["none", "dir"]) {
      const copying = store().copy(prefix + absent, `${prefix}to`);
      await expect(copying).rejects.toMatchObject({ kind: "not_found", code: "object_not_found" });
    }
    expect(await textOf(store(), `${prefix}to`)).toBe("absent");
  });

  test("copy onto itself changes the storage class and no byte", async () => {
    const key = `${fresh()}self`;
    await store().put(key, Buffer.from("stays"));
    const { etag } = await store().copy(key, key, { storageClass: "GLACIER_IR" });
    expect(await textOf(store(), key)).toBe('"stays"');
    expect(await store().head(key)).toMatchObject({ etag, storageClass: hasClasses ? "GLACIER_IR" : "STANDARD" });
  });

  test("download writes the object's bytes over the file, and nothing when it is absent", async () => {
    const key = `${fresh()}down`;
    const path = join(folder(), "down");
    await writeFile(path, "was here before, and longer than what comes");
    expect(await store().download(key, path)).toBeUndefined();
    expect((await readFile(path)).toString()).toContain("was here");
    const { etag } = await store().put(key, Buffer.from("short"));
    expect(await store().download(key, path)).toMatchObject({ key, etag, sizeBytes: 5 });
    expect((await readFile(path)).toString()).toBe("short");
    await store().put(key, large);
    expect(await store().download(key, path)).toMatchObject({ sizeBytes: large.length });
    expect(large.equals(await readFile(path))).toBe(true);
  });

  test(`localPath ${hasFiles ? "is a file with the object's bytes, after a swap too" : "is undefined"}`, async () => {
    const key = `${fresh()}dir/local`;
    const { etag } = await store().put(key, Buffer.from("first"));
    const path = store().localPath(key);
    if (!hasFiles) return expect(path).toBeUndefined();
    expect((await readFile(path as string)).toString()).toBe("first");
    await store().put(key, Buffer.from("second"), { ifMatch: etag });
    expect((await readFile(store().localPath(key) as string)).toString()).toBe("second");
    expect(() => store().localPath("../outside")).toThrow(expect.objectContaining({ kind: "invalid" }));
  });
}
