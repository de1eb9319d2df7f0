import { expect, test } from "vitest";
import { type Subject, textOf } from "./subject.ts";

export function describeReading({ store, fresh }: Subject): void {
  test("get gives the whole object, with what head says of it", async () => {
    const key = `${fresh()}whole`;
    const { etag } = await store().put(key, Buffer.from("0123456789"));
    const got = await store().get(key);
    expect(got).toMatchObject({ status: "found", info: { key, etag, sizeBytes: 10, storageClass: "STANDARD" } });
    expect(got.status === "found" && Buffer.from(got.bytes).toString()).toBe("0123456789");
    const info = await store().head(key);
    expect(got).toMatchObject({ info });
    expect(Math.abs((info?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test("a key that is not there is absent, also below or above one that is", async () => {
    const prefix = fresh();
    await store().put(`${prefix}a/b`, Buffer.from("x"));
    for (const key of ["b", "a", "a/b/c"].map((rest) => prefix + rest)) {
      expect(await store().get(key)).toEqual({ status: "absent" });
      expect(await store().get(key, { range: { start: 0, end: 1 } })).toEqual({ status: "absent" });
      expect(await store().get(key, { range: { start: 1, end: 1 } })).toEqual({ status: "absent" });
      expect(await store().head(key)).toBeUndefined();
    }
  });

  test.each([
    [{ start: 0, end: 10 }, "0123456789"],
    [{ start: 2, end: 5 }, "234"],
    [{ start: 9, end: 10 }, "9"],
    [{ start: 7, end: 1000 }, "789"],
    [{ start: 0, end: 0 }, ""],
    [{ start: 4, end: 4 }, ""],
    [{ start: 10, end: 11 }, ""],
    [{ start: 5000, end: 5010 }, ""],
    [{ lastBytes: 3 }, "789"],
    [{ lastBytes: 10 }, "0123456789"],
    [{ lastBytes: 11 }, "0123456789"],
    [{ lastBytes: 0 }, ""],
  ])("range %j of ten bytes is %j, and the size is of the whole object", async (range, expected) => {
    const key = `${fresh()}ten`;
    const { etag } = await store().put(key, Buffer.from("0123456789"));
    const got = await store().get(key, { range });
    expect(got).toMatchObject({ status: "found", info: { key, etag, sizeBytes: 10 } });
    expect(got.status === "found" && Buffer.from(got.bytes).toString()).toBe(expected);
  });

  test("an empty object is there, and every range of it is empty", async () => {
    const key = `${fresh()}empty`;
    const { etag } = await store().put(key, new Uint8Array());
    for (const range of [
      undefined,
      { start: 0, end: 1 },
      { start: 0, end: 0 },
      { start: 3, end: 9 },
      { lastBytes: 4 },
    ]) {
      const got = await store().get(key, range === undefined ? {} : { range });
      expect(got, JSON.stringify(range)).toMatchObject({ status: "found", info: { etag, sizeBytes: 0 } });
      expect(got.status === "found" && got.bytes.length).toBe(0);
    }
  });

  test("ifNoneMatch gives not_modified for the current etag only, with a range too", async () => {
    const key = `${fresh()}seen`;
    const first = await store().put(key, Buffer.from("first"));
    const ranges = [
      {},
      { range: { start: 0, end: 2 } },
      { range: { start: 99, end: 100 } },
      { range: { lastBytes: 0 } },
    ];
    for (const range of ranges)
      expect(await textOf(store(), key, { ...range, ifNoneMatch: first.etag })).toBe("not_modified");
    const second = await store().put(key, Buffer.from("second"));
    expect(await textOf(store(), key, { ifNoneMatch: first.etag })).toBe('"second"');
    expect(await textOf(store(), key, { ifNoneMatch: second.etag })).toBe("not_modified");
    await store().delete(key);
    expect(await textOf(store(), key, { ifNoneMatch: second.etag })).toBe("absent");
  });
}
