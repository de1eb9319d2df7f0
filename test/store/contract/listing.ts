import { expect, test } from "vitest";
import type { ListOptions, ObjectInfo, ObjectStore } from "../../../src/store/index.ts";
import type { Subject } from "./subject.ts";

/** Keys that one page of an S3 listing holds at most; this many and more need several. */
const pageKeys = 1000;
const many = Array.from({ length: pageKeys + 205 }, (_, at) => `many/${String(at).padStart(6, "0")}`);

async function putAll(store: ObjectStore, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 64)
    await Promise.all(keys.slice(at, at + 64).map((key) => store.put(key, Buffer.from(key))));
}

async function gather(listing: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const infos: ObjectInfo[] = [];
  for await (const info of listing) infos.push(info);
  return infos;
}

export function describeListing({ store, fresh }: Subject): void {
  /** What is listed below `prefix`, without it. */
  const listed = async (prefix: string, below = "", options: ListOptions = {}): Promise<string[]> => {
    const { startAfter, ...rest } = options;
    const after = startAfter === undefined ? {} : { startAfter: prefix + startAfter };
    const infos = await gather(store().list(prefix + below, { ...rest, ...after }));
    return infos.map(({ key }) => key.slice(prefix.length));
  };

  test("list gives what head gives, and nothing where there is nothing", async () => {
    const prefix = fresh();
    expect(await listed(prefix)).toEqual([]);
    await store().put(`${prefix}a`, Buffer.from("abc"));
    const { key, etag, sizeBytes, storageClass } = (await store().head(`${prefix}a`)) ?? {};
    const [info] = await gather(store().list(prefix));
    expect(info).toMatchObject({ key, etag, sizeBytes, storageClass });
    expect(Math.abs((info?.modifiedMs ?? 0) - Date.now())).toBeLessThan(60_000);
    await store().delete(`${prefix}a`);
    expect(await listed(prefix)).toEqual([]);
  });

  test("keys come in order of their UTF-8 bytes, across folders too", async () => {
    const prefix = fresh();
    // U+FF5E comes before U+1F600 in UTF-8 and after it in UTF-16; "-" and "." come before "/", digits after it.
    const ordered = ["A", "a-b", "a.b", "a/x", "a0", "b/c/d", "b/c0", "z", "é", "\uff5e", "\u{1f600}"];
    await putAll(
      store(),
      [...ordered].reverse().map((key) => prefix + key),
    );
    expect(await listed(prefix)).toEqual(ordered);
  });

  test("a prefix need not end at a slash, and is no pattern", async () => {
    const prefix = fresh();
    await putAll(
      store(),
      ["wal/1", "wal/12", "wal/2", "wall", "wal.x", "w*", "other/wal/1"].map((key) => prefix + key),
    );
    expect(await listed(prefix, "wal")).toEqual(["wal.x", "wal/1", "wal/12", "wal/2", "wall"]);
    expect(await listed(prefix, "wal/")).toEqual(["wal/1", "wal/12", "wal/2"]);
    expect(await listed(prefix, "wal/1")).toEqual(["wal/1", "wal/12"]);
    expect(await listed(prefix, "w*")).toEqual(["w*"]);
    expect(await listed(prefix, "wal/3")).toEqual([]);
    expect(await listed(prefix, "wal/1/")).toEqual([]);
  });

  test("startAfter is exclusive, need not be a key, and goes with a prefix", async () => {
    const prefix = fresh();
    await putAll(
      store(),
      ["a", "b/1", "b/2", "b/3/x", "c", "d/1"].map((key) => prefix + key),
    );
    expect(await listed(prefix, "", { startAfter: "b/1" })).toEqual(["b/2", "b/3/x", "c", "d/1"]);
    expect(await listed(prefix, "", { startAfter: "b/2x" })).toEqual(["b/3/x", "c", "d/1"]);
    expect(await listed(prefix, "", { startAfter: "b" })).toEqual(["b/1", "b/2", "b/3/x", "c", "d/1"]);
    expect(await listed(prefix, "", { startAfter: "b0" })).toEqual(["c", "d/1"]);
    expect(await listed(prefix, "b/", { startAfter: "b/2" })).toEqual(["b/3/x"]);
    expect(await listed(prefix, "b/", { startAfter: "a" })).toEqual(["b/1", "b/2", "b/3/x"]);
    expect(await listed(prefix, "b/", { startAfter: "c" })).toEqual([]);
    expect(await listed(prefix, "", { startAfter: "d/1" })).toEqual([]);
    expect((await gather(store().list(`${prefix}b/`, { startAfter: "" }))).length).toBe(3);
  });

  test("limit gives the first so many", async () => {
    const prefix = fresh();
    await putAll(
      store(),
      ["a", "b", "c/1", "c/2", "d"].map((key) => prefix + key),
    );
    expect(await listed(prefix, "", { limit: 0 })).toEqual([]);
    expect(await listed(prefix, "", { limit: 3 })).toEqual(["a", "b", "c/1"]);
    expect(await listed(prefix, "", { limit: 99 })).toEqual(["a", "b", "c/1", "c/2", "d"]);
    expect(await listed(prefix, "c", { limit: 2, startAfter: "c/1" })).toEqual(["c/2"]);
  });

  test("more keys than a page holds all come, once each and in order", async () => {
    // The suites of one implementation share these: a thousand durable puts take seconds.
    if ((await store().head(many.at(-1) as string)) === undefined) await putAll(store(), many);
    expect(await listed("", "many/")).toEqual(many);
    expect(await listed("", "many/", { limit: pageKeys + 5 })).toEqual(many.slice(0, pageKeys + 5));
    expect(await listed("", "many/", { limit: pageKeys, startAfter: many[99] as string })).toEqual(
      many.slice(100, 100 + pageKeys),
    );
    expect(await listed("", "many/", { startAfter: many[pageKeys - 1] as string })).toEqual(many.slice(pageKeys));
  });

  test("a listing that is left early ends", async () => {
    const prefix = fresh();
    await putAll(
      store(),
      ["a", "b", "c"].map((key) => prefix + key),
    );
    const seen: string[] = [];
    for await (const { key } of store().list(prefix)) {
      seen.push(key.slice(prefix.length));
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(["a", "b"]);
  });
}
