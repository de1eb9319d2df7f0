import { beforeAll, describe, expect, test } from "vitest";
import type { Mosaic, SearchResponse } from "../../src/engine/index.ts";
import { FolderStore, MemoryStore } from "../../src/store/index.ts";
import { docs, openTestEngine, shared, temporaryFolder, vectorsOf } from "./support/engine.ts";
import { type Counted, CountingStore, tally } from "./support/stores.ts";

/** Work is counted, never timed: these numbers are the same on every machine, and each of them is money or latency. */
const nothing = { gets: 0, puts: 0, lists: 0, deletes: 0, bytes: 0 };
const keysOf = (lines: readonly Counted[]): string[] =>
  lines.map(({ call, key }) => `${call} ${key.replace("tenants/acme/docs/", "")}`).sort();
const costOf = ({ stats: { cost } }: SearchResponse) => ({
  gets: cost.get_requests,
  puts: cost.put_requests,
  lists: cost.list_requests,
  bytes: cost.bytes_fetched,
});

const dimensions = 16;
const documentsOf = (seed: number, count: number) => {
  const next = vectorsOf(seed, dimensions);
  return Array.from({ length: count }, (_, at) => ({ id: `${seed}/${at}`, text: `text ${at}`, embedding: next() }));
};

async function withShards(engine: Mosaic, sizes: readonly number[]): Promise<void> {
  for (const [seed, size] of sizes.entries()) {
    for (let from = 0; from < size; from += 1000)
      await engine.putMany(docs, documentsOf(100 * seed + from / 1000 + 1, Math.min(1000, size - from)));
    await engine.fold(docs);
  }
}
const query = vectorsOf(77, dimensions)();

describe.each([
  ["memory, fetched to a local cache", () => new MemoryStore()],
  ["a folder, read in place", () => new FolderStore(temporaryFolder())],
])("requests to storage (%s)", (_kind, makeStore) => {
  test("of a warm search: the manifest by its ETag and one look for the next segment, no bytes", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [600, 30]);
    await engine.put(docs, { id: "in the tail", text: "a", embedding: query });
    await engine.search(docs, { vector: query });
    for (const recall of ["fast", "balanced", "exact"] as const) {
      let answer: SearchResponse | undefined;
      const lines = await store.during(async () => {
        answer = await engine.search(docs, { vector: query, recall });
      });
      expect(keysOf(lines)).toEqual(["get manifest.json", "get wal/000000000004"]);
      expect(tally(lines)).toEqual({ ...nothing, gets: 2 });
      expect(costOf(answer as SearchResponse)).toEqual({ gets: 2, puts: 0, lists: 0, bytes: 0 });
    }
  });

  test("of a warm eventual search: none", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [600, 30]);
    await engine.search(docs, { vector: query });
    const lines = await store.during(() => engine.search(docs, { vector: query, consistency: "eventual" }));
    expect(lines).toEqual([]);
  });

  test("of many searches at once: shared, two rounds at most", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [100]);
    await engine.search(docs, { vector: query });
    const lines = await store.during(() =>
      Promise.all(Array.from({ length: 50 }, () => engine.search(docs, { vector: query }))),
    );
    expect(tally(lines).gets).toBeLessThanOrEqual(4);
  });

  test("of a warm read by id: those of a search", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [100]);
    await engine.get(docs, "1/5");
    const lines = await store.during(() => engine.get(docs, "1/7"));
    expect(tally(lines)).toEqual({ ...nothing, gets: 2 });
  });

  test("of a warm put: its segment, and beside it a look whether the collection is still there", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [100]);
    const lines = await store.during(() => engine.put(docs, { id: "a new one", text: "a", embedding: query }));
    expect(keysOf(lines)).toEqual(["get manifest.json", "put wal/000000000002"]);
    expect(tally(lines)).toEqual({ ...nothing, gets: 1, puts: 1 });
  });

  test("of a warm patch or delete: those of a read and a put", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [100]);
    await engine.get(docs, "1/5");
    for (const change of [() => engine.patch(docs, "1/5", { metadata: { a: 1 } }), () => engine.delete(docs, "1/6")])
      expect(tally(await store.during(change))).toEqual({ ...nothing, gets: 3, puts: 1 });
  });

  test("of 1000 documents in one batch: those of one put", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [10]);
    const lines = await store.during(() => engine.putMany(docs, documentsOf(50, 1000)));
    expect(tally(lines)).toEqual({ ...nothing, gets: 1, puts: 1 });
  });

  test("of the first put of all: look, list what a namesake left behind, make, fix the dimensions, write", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    const lines = await store.during(() => engine.put(docs, { id: "a", text: "a", embedding: query }));
    expect(keysOf(lines)).toEqual([
      "get manifest.json",
      "get manifest.json",
      "get manifest.json",
      "list wal/",
      "list wal/",
      "list wal/",
      "put manifest.json",
      "put manifest.json",
      "put manifests/000000000001.json",
      "put wal/000000000001",
    ]);
  });

  test("of a fold: three puts a new shard, one a shard that lost rows, two for the swap", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [100, 100]);
    await engine.putMany(docs, documentsOf(200, 20));
    await engine.delete(docs, "1/5");
    const lines = await store.during(() => engine.fold(docs));
    const puts = lines.filter(({ call }) => call === "put").map(({ key }) => key.split("/")[3]);
    expect(puts.sort()).toEqual(["deletes", "manifest.json", "manifests", "shards", "summaries", "terms"]);
    expect(tally(lines)).toMatchObject({ puts: 6, lists: 0, deletes: 0 });
    // One refresh for `fold`, one at the start of the run, one that finds nothing left, one summary to route by.
    expect(tally(lines).gets).toBeLessThanOrEqual(8);
  });

  test("of a fold with nothing to do: two rounds of looking", async () => {
    const store = new CountingStore(makeStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [10]);
    const lines = await store.during(() => engine.fold(docs));
    expect(tally(lines)).toMatchObject({ gets: 4, puts: 0, lists: 0, bytes: 0 });
  });
});

describe("a cold open and its first search", () => {
  test.each([1, 2, 5])(
    "of %i shards: the manifest, a list of the log, and of each shard its summary and file",
    async (shards) => {
      const inner = new MemoryStore();
      await withShards(
        await openTestEngine({ store: inner }),
        Array.from({ length: shards }, () => 50),
      );
      const store = new CountingStore(inner);
      const engine = await openTestEngine({ store });
      let answer: SearchResponse | undefined;
      const lines = await store.during(async () => {
        answer = await engine.search(docs, { vector: query });
      });
      const { gets, puts, lists } = tally(lines);
      // What opening has read is as new as the search wants it.
      expect({ gets, puts, lists }).toEqual({ gets: 1 + 2 * shards, puts: 0, lists: 1 });
      expect(lines.filter(({ call }) => call === "download")).toHaveLength(shards);
      const stored = { ...(answer as SearchResponse).stats.cost };
      expect(stored).toMatchObject({ get_requests: gets, bytes_fetched: tally(lines).bytes });
    },
  );

  test("over a cache that an earlier process filled fetches no shard", async () => {
    const inner = new MemoryStore();
    const settings = { cachePath: temporaryFolder() };
    const first = await openTestEngine({ store: inner, settings });
    await withShards(first, [50, 50]);
    await first.search(docs, { vector: query });
    const store = new CountingStore(inner);
    const engine = await openTestEngine({ store, settings });
    const lines = await store.during(() => engine.search(docs, { vector: query }));
    expect(lines.filter(({ call }) => call === "download")).toEqual([]);
  });

  test("after another engine's fold fetches what is new, and nothing twice", async () => {
    const inner = new MemoryStore();
    const writer = await openTestEngine({ store: inner });
    await withShards(writer, [50]);
    const store = new CountingStore(inner);
    const engine = await openTestEngine({ store });
    await engine.search(docs, { vector: query });
    await writer.putMany(docs, documentsOf(300, 20));
    await writer.fold(docs);
    const lines = await store.during(() => engine.search(docs, { vector: query }));
    // Manifest (with a body), a probe that still finds the folded segment, the window after it, one summary, one shard.
    expect(lines.filter(({ call }) => call === "download")).toHaveLength(1);
    expect(lines.filter(({ key }) => key.includes("/summaries/"))).toHaveLength(1);
    const again = await store.during(() => engine.search(docs, { vector: query }));
    expect(tally(again)).toEqual({ ...nothing, gets: 2 });
  });
});

describe("group commit", () => {
  test("100 puts at once take a handful of segments", async () => {
    const store = new CountingStore(new MemoryStore());
    const engine = await openTestEngine({ store });
    await withShards(engine, [10]);
    const documents = documentsOf(400, 100);
    const lines = await store.during(() => Promise.all(documents.map((document) => engine.put(docs, document))));
    // The first goes alone, and while it is on its way all others gather for the second.
    expect(tally(lines)).toEqual({ ...nothing, gets: 2, puts: 2 });
    expect((await engine.stats(docs)).documents).toBe(110);
  });

  test("100 first puts at once make the collection once and fix its dimensions once", async () => {
    const store = new CountingStore(new MemoryStore());
    const engine = await openTestEngine({ store });
    const lines = await store.during(() =>
      Promise.all(documentsOf(400, 100).map((document) => engine.put(docs, document))),
    );
    expect(tally(lines)).toMatchObject({ puts: 5, lists: 3 });
    expect(tally(lines).gets).toBeLessThan(12);
  });

  test("versions of one segment differ by their index, and later segments are greater", async () => {
    const engine = await openTestEngine({ store: new MemoryStore() });
    await withShards(engine, [10]);
    const written = await Promise.all(documentsOf(500, 20).map((document) => engine.put(docs, document)));
    const versions = written.map(({ version }) => version);
    expect(versions).toEqual(["2.0", ...Array.from({ length: 19 }, (_, at) => `3.${at}`)]);
  });

  test("two engines writing at once share one sequence and lose nothing", async () => {
    const inner = new MemoryStore();
    const [first, second] = [await openTestEngine({ store: inner }), await openTestEngine({ store: inner })];
    await withShards(first, [10]);
    const written = await Promise.all(
      documentsOf(600, 60).map((document, at) => (at % 2 === 0 ? first : second).put(docs, document)),
    );
    expect(new Set(written.map(({ version }) => version)).size).toBe(60);
    for (const engine of [first, second]) expect((await engine.stats(docs)).documents).toBe(70);
  });
});

describe("work of a search over 3,000 vectors in four shards", () => {
  let engine: Mosaic;
  beforeAll(() =>
    shared(async () => {
      engine = await openTestEngine({ store: new MemoryStore() });
      await withShards(engine, [1500, 900, 500, 100]);
    }),
  );
  const workOf = async (recall: "fast" | "balanced" | "exact", limit = 10) => {
    const { stats } = await engine.search(docs, { vector: query, recall, limit });
    const { took_ms: _tookMs, cost: _cost, ...work } = stats;
    return work;
  };

  test("exact looks at every row and reads the full vectors of few", async () => {
    const work = await workOf("exact");
    expect(work).toMatchObject({
      shards_total: 4,
      shards_searched: 4,
      cells_total: 7,
      cells_searched: 7,
      documents_scored: 3000,
    });
    expect(work.rows_rescored).toBeLessThan(60);
  });

  test("is the same each time", async () => {
    for (const recall of ["fast", "balanced", "exact"] as const)
      expect(await workOf(recall)).toEqual(await workOf(recall));
  });

  test("fast looks at no more than balanced, and balanced at no more than exact", async () => {
    const [fast, balanced, exact] = [await workOf("fast"), await workOf("balanced"), await workOf("exact")];
    expect(fast.documents_scored).toBeLessThanOrEqual(balanced.documents_scored);
    expect(balanced.documents_scored).toBeLessThanOrEqual(exact.documents_scored);
    expect(fast.rows_rescored).toBeLessThanOrEqual(balanced.rows_rescored);
  });

  test("comes to these counts", async () => {
    const whole = { shards_total: 4, shards_searched: 4, cells_total: 7, cells_searched: 7, documents_scored: 3000 };
    expect(await workOf("fast")).toEqual({ ...whole, rows_rescored: 75 });
    expect(await workOf("balanced")).toEqual({ ...whole, rows_rescored: 125 });
    expect(await workOf("exact")).toEqual({ ...whole, rows_rescored: 11 });
  });

  test("grows with the limit only in what is rescored", async () => {
    const [few, many] = [await workOf("exact", 1), await workOf("exact", 500)];
    expect(many.documents_scored).toBe(few.documents_scored);
    expect(many.rows_rescored).toBeGreaterThanOrEqual(500);
  });

  test("is spared where shard_limit says so, and the plan says which shards were dropped", async () => {
    const answer = await engine.search(docs, { vector: query, recall: "exact", shard_limit: 1, explain: true });
    expect(answer.stats.shards_searched).toBe(1);
    expect(answer.plan?.shards.map(({ kept, reason }) => (kept ? "kept" : reason)).sort()).toEqual([
      "kept",
      "limit",
      "limit",
      "limit",
    ]);
  });
});
