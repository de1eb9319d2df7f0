import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { isMosaicError, MosaicError, scopeOf, seededRandom } from "../../src/base/index.ts";
import type { DocumentInput, Mosaic } from "../../src/engine/index.ts";
import { decodeManifest, historyKey, type Manifest, segmentKey } from "../../src/manifest/index.ts";
import { FolderStore, MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { differenceFrom, ranking, type Scored } from "./support/brute-force.ts";
import { docs, errorOf, openTestEngine, shared, temporaryFolder, vectorsOf } from "./support/engine.ts";
import { allKeys, HookedStore } from "./support/stores.ts";

const prefix = "tenants/acme/docs/";
const query = [0.3, -0.2, 0.9, 0.1, -0.5, 0.4, 0.2, -0.1];

interface Furnished {
  /** The live documents. */
  readonly documents: ReadonlyMap<string, DocumentInput>;
  readonly manifest: Manifest;
  /** Ids of each shard's live rows. */
  readonly idsOf: ReadonlyMap<string, readonly string[]>;
}

/** Two shards, the first with dead rows, and a tail of two segments. */
async function furnish(store: ObjectStore): Promise<Furnished> {
  const engine = await openTestEngine({ store });
  const next = vectorsOf(1, 8);
  const documents = new Map<string, DocumentInput>();
  const put = async (from: number, to: number): Promise<readonly string[]> => {
    const many = Array.from({ length: to - from }, (_, at) => ({
      id: `doc ${from + at}`,
      text: `text of ${from + at}`,
      embedding: next(),
    }));
    await engine.putMany(docs, many);
    for (const document of many) documents.set(document.id, document);
    return many.map(({ id }) => id);
  };
  const first = await put(0, 40);
  await engine.fold(docs);
  const second = await put(40, 60);
  for (const id of ["doc 3", "doc 4"]) {
    await engine.delete(docs, id);
    documents.delete(id);
  }
  await engine.fold(docs);
  await put(60, 70);
  await put(70, 75);
  const manifest = await manifestOf(store);
  expect(manifest.shards.map(({ deletes }) => deletes?.count ?? 0)).toEqual([2, 0]);
  const [one, two] = manifest.shards.map(({ id }) => id as string);
  const live = first.filter((id) => documents.has(id));
  return {
    documents,
    manifest,
    idsOf: new Map([
      [one as string, live],
      [two as string, second],
    ]),
  };
}

async function manifestOf(store: ObjectStore): Promise<Manifest> {
  const got = await store.get(`${prefix}manifest.json`);
  if (got.status !== "found") throw new Error("no manifest");
  return decodeManifest(got.bytes, "manifest.json");
}

function expectedWithout({ documents, idsOf }: Furnished, failed: readonly string[]): Scored[] {
  const lost = new Set(failed.flatMap((shard) => idsOf.get(shard) ?? []));
  const kept = [...documents].filter(([id]) => !lost.has(id));
  return ranking(
    "cosine",
    query,
    kept.map(([id, { embedding }]) => [id, embedding as readonly number[]] as const),
  );
}

/**
 * Damage is noticed: the search fails as `data`, or says which shards are missing and answers exactly from the others.
 * Returns what was said.
 */
async function noticed(engine: Mosaic, furnished: Furnished, recall: "balanced" | "exact"): Promise<string> {
  try {
    const answer = await engine.search(docs, { vector: query, limit: 1000, recall });
    const failed = answer.failed_shards.map(({ shard }) => shard);
    expect(answer.degraded).toBe(failed.length > 0);
    const expected = expectedWithout(furnished, failed);
    expect(differenceFrom(expected, answer.results, { limit: 1000 })).toBeUndefined();
    for (const { id, text } of answer.results) expect(text).toBe(furnished.documents.get(id)?.text);
    return failed.length === 0 ? "whole" : `without ${failed.join()}`;
  } catch (error) {
    if (!isMosaicError(error)) throw error;
    return error.kind;
  }
}

type Damage = (bytes: Buffer) => Buffer | undefined;
const flipped =
  (at: (length: number) => number): Damage =>
  (bytes) => {
    const damaged = Buffer.from(bytes);
    const position = Math.min(bytes.length - 1, at(bytes.length));
    damaged[position] = (damaged[position] ?? 0) ^ (1 << (position & 7));
    return damaged;
  };
const removed: Damage = () => undefined;

/** Truncations, and one bit at 20 places: the header, seeded places all over, the end. */
function damages(seed: number): readonly (readonly [string, Damage])[] {
  const next = seededRandom(seed);
  const header = [0, 17, 24, 95].map((at) => [`bit flipped in byte ${at}`, flipped(() => at)] as const);
  const inside = Array.from({ length: 15 }, () => {
    const part = next();
    return [`bit flipped at ${(part * 100).toFixed(1)} %`, flipped((length) => Math.floor(part * length))] as const;
  });
  return [
    ["emptied", () => Buffer.alloc(0)],
    ["cut in half", (bytes) => bytes.subarray(0, bytes.length >> 1)],
    // The last byte of a manifest is a line end, which means nothing.
    ["short of its last two bytes", (bytes) => bytes.subarray(0, -2)],
    ["a byte longer", (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ...header,
    ...inside,
    ["bit flipped in the last byte but one", flipped((length) => length - 2)],
  ];
}

describe("an object in a folder that is damaged or missing", () => {
  let folder: string;
  let furnished: Furnished;

  beforeAll(() =>
    shared(async () => {
      folder = temporaryFolder();
      furnished = await furnish(new FolderStore(folder));
    }),
  );

  const keyOf = {
    manifest: () => `${prefix}manifest.json`,
    "first shard": () => furnished.manifest.shards[0]?.file.key ?? "",
    "second shard": () => furnished.manifest.shards[1]?.file.key ?? "",
    "first summary": () => furnished.manifest.shards[0]?.summary.key ?? "",
    "dead rows": () => furnished.manifest.shards[0]?.deletes?.key ?? "",
    "first segment": () => prefix + segmentKey(furnished.manifest.foldedThrough + 1),
    "last segment": () => prefix + segmentKey(furnished.manifest.foldedThrough + 2),
  };

  /** Runs `task` on a fresh engine with an empty cache while the object is damaged. */
  async function whileDamaged(key: string, damage: Damage, task: (engine: Mosaic) => Promise<void>): Promise<void> {
    const path = join(folder, key);
    const original = await readFile(path);
    const damaged = damage(original);
    if (damaged === undefined) await rm(path);
    else await writeFile(path, damaged);
    try {
      await task(await openTestEngine({ store: new FolderStore(folder) }));
    } finally {
      await writeFile(path, original);
    }
  }

  test("is none of these to begin with", async () => {
    const engine = await openTestEngine({ store: new FolderStore(folder) });
    expect(await noticed(engine, furnished, "exact")).toBe("whole");
    expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: furnished.documents.size, problems: [] });
  });

  const missing = ["removed", removed] as const;

  describe.each([
    ["first shard", [...damages(7), missing]],
    ["dead rows", damages(7).filter((_, at) => at % 5 === 0)],
  ] as const)("the %s", (what, ways) => {
    test.each(ways)("%s: costs that shard, not the query", async (_, damage) => {
      await whileDamaged(keyOf[what](), damage, async (engine) => {
        const shard = furnished.manifest.shards[0]?.id;
        expect(await noticed(engine, furnished, "exact")).toBe(`without ${shard}`);
        expect(await noticed(engine, furnished, "balanced")).toBe(`without ${shard}`);
        expect(await errorOf(engine.get(docs, "doc 1"))).toMatchObject({ kind: "data" });
        expect((await engine.get(docs, "doc 50")).text).toBe("text of 50");
        expect((await engine.get(docs, "doc 70")).text).toBe("text of 70");
        const report = await engine.verify(docs);
        expect(report.ok).toBe(false);
        expect(report.problems.map(({ object }) => object)).toEqual([keyOf[what]()]);
      });
    });
  });

  test("the dead rows, removed: cost that shard, and verify names them", async () => {
    await whileDamaged(keyOf["dead rows"](), removed, async (engine) => {
      expect(await noticed(engine, furnished, "exact")).toBe(`without ${furnished.manifest.shards[0]?.id}`);
      expect((await engine.verify(docs)).problems.map(({ object }) => object)).toEqual([keyOf["dead rows"]()]);
    });
  });

  test("the dead rows, when they are removed, are said to be missing", async () => {
    await whileDamaged(keyOf["dead rows"](), removed, async (engine) => {
      expect(await errorOf(engine.get(docs, "doc 1"))).toMatchObject({ kind: "data" });
    });
  });

  describe.each(["manifest", "first summary", "first segment", "last segment"] as const)("the %s", (what) => {
    test("in whatever way: every read says so, and verify names it", async () => {
      for (const [how, damage] of damages(11)) {
        await whileDamaged(keyOf[what](), damage, async (engine) => {
          expect(await noticed(engine, furnished, "exact"), how).toBe("data");
          expect(await errorOf(engine.get(docs, "doc 50")), how).toMatchObject({ kind: "data" });
          expect(await errorOf(engine.stats(docs)), how).toMatchObject({ kind: "data" });
          const report = await engine.verify(docs);
          expect(report, how).toMatchObject({ ok: false, problems: [{ object: keyOf[what]() }] });
        });
      }
    });
  });

  test("both shards at once: the log still answers", async () => {
    await whileDamaged(keyOf["first shard"](), removed, async () => {
      await whileDamaged(keyOf["second shard"](), removed, async (engine) => {
        const shards = furnished.manifest.shards.map(({ id }) => id).join();
        expect(await noticed(engine, furnished, "exact")).toBe(`without ${shards}`);
      });
    });
  });

  test("a summary that is removed is said to be missing", async () => {
    await whileDamaged(keyOf["first summary"](), removed, async (engine) => {
      expect(await errorOf(engine.search(docs, { vector: query }))).toMatchObject({
        kind: "data",
        code: "object_missing",
      });
      const report = await engine.verify(docs);
      expect(report.problems).toMatchObject([{ object: keyOf["first summary"](), code: "object_missing" }]);
    });
  });

  test("a manifest that is removed is a collection that is not there", async () => {
    await whileDamaged(keyOf.manifest(), removed, async (engine) => {
      expect(await errorOf(engine.search(docs, { vector: query }))).toMatchObject({ code: "collection_not_found" });
    });
  });

  test("a segment that is removed from the middle of the log is found by verify", async () => {
    await whileDamaged(keyOf["first segment"](), removed, async (engine) => {
      const report = await engine.verify(docs);
      expect(report.problems).toMatchObject([{ object: keyOf["first segment"](), code: "segment_missing" }]);
    });
  });

  test("what no live generation names may be damaged without harm", async () => {
    await whileDamaged(prefix + historyKey(1), removed, async (engine) => {
      expect(await noticed(engine, furnished, "exact")).toBe("whole");
      expect((await engine.verify(docs)).ok).toBe(true);
    });
  });
});

describe("damage after an object was opened and checked", () => {
  const objects: [string, (manifest: Manifest) => string | undefined][] = [
    ["shard", ({ shards }) => shards[0]?.file.key],
    ["summary", ({ shards }) => shards[1]?.summary.key],
    ["dead rows", ({ shards }) => shards[0]?.deletes?.key],
    ["segment", ({ foldedThrough }) => prefix + segmentKey(foldedThrough + 1)],
    ["manifest", () => `${prefix}manifest.json`],
  ];
  const flip = flipped((length) => Math.floor(length * 0.6));

  test.each(objects)("in a folder: verify by the same engine names the %s", async (_what, find) => {
    const folder = temporaryFolder();
    const { manifest } = await furnish(new FolderStore(folder));
    const engine = await openTestEngine({ store: new FolderStore(folder) });
    await engine.search(docs, { vector: query, recall: "exact" });
    expect((await engine.verify(docs)).ok).toBe(true);
    const key = find(manifest) as string;
    const path = join(folder, key);
    await writeFile(path, flip(await readFile(path)) as Buffer);
    expect((await engine.verify(docs)).problems.map(({ object }) => object)).toEqual([key]);
  });

  test.each(objects)("in a distant store: verify reads the %s there, whatever the cache holds", async (_what, find) => {
    const store = new MemoryStore();
    const { manifest } = await furnish(store);
    const engine = await openTestEngine({ store });
    await engine.search(docs, { vector: query, recall: "exact" });
    expect((await engine.verify(docs)).ok).toBe(true);
    const key = find(manifest) as string;
    const got = await store.get(key);
    if (got.status === "found") await store.put(key, flip(Buffer.from(got.bytes)) as Buffer);
    expect((await engine.verify(docs)).problems.map(({ object }) => object)).toEqual([key]);
    await store.delete(key);
    if (!key.endsWith("manifest.json"))
      expect((await engine.verify(docs)).problems).toMatchObject([
        { object: key, code: expect.stringMatching(/_missing$/) },
      ]);
  });
});

describe("a damaged copy in the local cache", () => {
  test("is fetched again", async () => {
    const store = new MemoryStore();
    const furnished = await furnish(store);
    const cachePath = temporaryFolder();
    const first = await openTestEngine({ store, settings: { cachePath } });
    expect(await noticed(first, furnished, "exact")).toBe("whole");
    const [name = ""] = (await readdir(join(cachePath, "objects"))).filter((file) =>
      file.startsWith(furnished.manifest.shards[0]?.file.sha256 ?? "-"),
    );
    const path = join(cachePath, "objects", name);
    await writeFile(path, flipped((length) => length >> 1)(await readFile(path)) as Buffer);
    const second = await openTestEngine({ store, settings: { cachePath } });
    expect(await noticed(second, furnished, "exact")).toBe("whole");
  });
});

describe("a damaged manifest", () => {
  test.each(["warm", "fresh"])("is not overwritten by the writes of a %s engine", async (state) => {
    const folder = temporaryFolder();
    await furnish(new FolderStore(folder));
    const engine = await openTestEngine({ store: new FolderStore(folder) });
    if (state === "warm") await engine.search(docs, { vector: query });
    const path = join(folder, `${prefix}manifest.json`);
    const damaged = flipped((length) => length >> 1)(await readFile(path)) as Buffer;
    await writeFile(path, damaged);
    const writes = [
      () => engine.put(docs, { id: "new", text: "new" }),
      () => engine.putMany(docs, [{ id: "new", text: "new" }]),
      () => engine.patch(docs, "doc 1", { text: "new" }),
      () => engine.delete(docs, "doc 1"),
      () => engine.fold(docs),
      () => engine.deleteCollection(docs),
    ];
    for (const write of writes)
      expect(await errorOf(write())).toMatchObject({ kind: "data", code: "manifest_damaged" });
    expect(await readFile(path)).toEqual(damaged);
    const made = await errorOf(engine.createCollection(docs, {}));
    expect(isMosaicError(made, "data", "conflict")).toBe(true);
    expect(await readFile(path)).toEqual(damaged);
  });

  test("can be replaced by the copy of its last generation, as its error says", async () => {
    const folder = temporaryFolder();
    const { documents, manifest } = await furnish(new FolderStore(folder));
    const keys = await allKeys(new FolderStore(folder), `${prefix}manifests/`);
    const newest = await readFile(join(folder, keys.at(-1) ?? ""));
    await writeFile(join(folder, `${prefix}manifest.json`), newest);
    const engine = await openTestEngine({ store: new FolderStore(folder) });
    expect((await engine.stats(docs)).generation).toBe(manifest.generation - 1);
    expect((await engine.stats(docs)).documents).toBe(documents.size);
    expect((await engine.verify(docs)).problems).toEqual([]);
  });
});

describe("a collection with a damaged shard", () => {
  test("takes writes, also of ids that lie in it", async () => {
    const folder = temporaryFolder();
    const { manifest } = await furnish(new FolderStore(folder));
    await writeFile(join(folder, manifest.shards[0]?.file.key ?? ""), "not a shard");
    const engine = await openTestEngine({ store: new FolderStore(folder) });
    expect((await engine.put(docs, { id: "quite new", text: "new" })).created).toBe(true);
    await engine.put(docs, { id: "doc 1", text: "written again" });
    expect((await engine.get(docs, "doc 1")).text).toBe("written again");
    await engine.delete(docs, "quite new");
    expect(await errorOf(engine.delete(docs, "doc 2"))).toMatchObject({ kind: "data" });
  });
});

describe("storage that is full", () => {
  const full = new MosaicError("unavailable", "put object", {
    code: "storage_full",
    detail: "The disk is full; nothing was stored.",
  });

  test("fails the write clearly, loses nothing that was acknowledged, and takes the next", async () => {
    const inner = new MemoryStore();
    const store = new HookedStore(inner);
    const engine = await openTestEngine({ store });
    await engine.put(docs, { id: "before", text: "before", embedding: [1, 0] });
    store.onPut = () => Promise.reject(full);
    const attempts = [
      () => engine.put(docs, { id: "before", text: "changed" }),
      () => engine.put(docs, { id: "new", text: "new" }),
      () => engine.putMany(docs, [{ id: "many", text: "many" }]),
      () => engine.patch(docs, "before", { text: "patched" }),
      () => engine.delete(docs, "before"),
      () => engine.fold(docs),
      () => engine.createCollection(scopeOf("acme", "more"), {}),
    ];
    for (const attempt of attempts)
      expect(await errorOf(attempt())).toMatchObject({ kind: "unavailable", code: "storage_full" });
    for (const one of [engine, await openTestEngine({ store: inner })]) {
      expect((await one.get(docs, "before")).text).toBe("before");
      expect((await one.search(docs, { vector: [1, 0] })).results.map(({ id }) => id)).toEqual(["before"]);
    }
    store.onPut = undefined;
    await engine.put(docs, { id: "after", text: "after", embedding: [1, 1] });
    await engine.fold(docs);
    const report = await engine.verify(docs);
    expect(report).toMatchObject({ ok: true, documents: 2 });
  });

  test("at any one put of a fold leaves the collection as it was, and the next fold finishes", async () => {
    for (let failing = 0; failing < 5; failing++) {
      const store = new HookedStore(new MemoryStore());
      const engine = await openTestEngine({ store });
      await engine.putMany(
        docs,
        Array.from({ length: 10 }, (_, at) => ({ id: `doc ${at}`, text: "a", embedding: [1, at] })),
      );
      await engine.fold(docs);
      await engine.put(docs, { id: "doc 3", text: "again", embedding: [1, 3] });
      let puts = 0;
      // A shard, its summary, the dead rows of the other shard, the copy of the old manifest, the swap.
      store.onPut = (_key, put) => (puts++ === failing ? Promise.reject(full) : put());
      expect(await errorOf(engine.fold(docs)), `put ${failing}`).toMatchObject({ code: "storage_full" });
      expect((await engine.search(docs, { vector: [1, 3], limit: 100 })).results).toHaveLength(10);
      store.onPut = undefined;
      await engine.fold(docs);
      expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 10 });
      expect((await engine.stats(docs)).wal.segments).toBe(0);
    }
  });
});
