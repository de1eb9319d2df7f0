import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { DocumentInput, Mosaic, SearchRequest, SearchResponse } from "../../src/engine/index.ts";
import { blockBytes, ShardFile } from "../../src/shard/index.ts";
import { type GetOptions, type GetResult, MemoryStore, type ObjectInfo } from "../../src/store/index.ts";
import { docs, errorOf, openTestEngine, shared, temporaryFolder } from "../engine/support/engine.ts";
import { PassingStore } from "../engine/support/stores.ts";
import { clusteredVectors, rowOf } from "../support/vectors.ts";
import { RoundsStore } from "./support.ts";

const [dimensions, documents] = [96, 9000];
const matrix = clusteredVectors(documents, dimensions, 5, 60);
const vectorOf = (at: number): number[] => [...rowOf(matrix, at, dimensions)];
const idOf = (at: number): string => `document ${at}`;

/** Some long enough for pages of their own, so that rows and their vectors lie apart. */
const textOf = (at: number): string => `text of ${at} `.repeat(at % 97 === 0 ? 4000 : 1 + (at % 40));

async function fill(engine: Mosaic, from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += 1000) {
    const many = Array.from({ length: Math.min(1000, to - first) }, (_, i): DocumentInput => {
      const at = first + i;
      return {
        id: idOf(at),
        text: textOf(at),
        metadata: { at },
        ...(at % 50 === 7 ? {} : { embedding: vectorOf(at) }),
      };
    });
    await engine.putMany(docs, many);
  }
}

/** Three shards, two of them with dead rows, and a tail that replaces and deletes some of their documents. */
async function furnish(store: MemoryStore, distance: "cosine" | "l2" | "dot"): Promise<void> {
  const engine = await openTestEngine({ store });
  await engine.createCollection(docs, { dimensions, distance, embedding_model: "none", shard_max_docs: 3072 });
  await fill(engine, 0, documents);
  await engine.fold(docs);
  for (let at = 0; at < 600; at++) await engine.delete(docs, idOf(at * 3));
  await engine.fold(docs);
  await engine.put(docs, { id: idOf(1), text: "replaced", embedding: vectorOf(8000) });
  await engine.delete(docs, idOf(2));
}

/** Everything by range, and no file so small or so much read that it would come whole. */
const byRange = { wholeFileBelow: 0, wholeFileAfter: 2 ** 40 };
const whole = { wholeFileAfter: 0 };

const answerOf = ({ results, degraded }: SearchResponse) => ({ results, degraded });

describe.each(["cosine", "l2", "dot"] as const)("a collection (%s) of which nothing is here", (distance) => {
  const inner = new MemoryStore();
  let warm: Mosaic;
  let ranged: Mosaic;
  const store = new RoundsStore(inner);
  beforeAll(() =>
    shared(async () => {
      await furnish(inner, distance);
      warm = await openTestEngine({ store: inner, settings: { ...whole, searchThreads: 2 } });
      ranged = await openTestEngine({ store: inner, settings: { ...byRange, searchThreads: 2 } });
    }),
  );
  const cold = async (settings = {}): Promise<Mosaic> => {
    // In one thread: how long another takes to ask for the rest of a round is the machine's affair.
    const engine = await openTestEngine({ store, settings: { ...byRange, searchThreads: 0, ...settings } });
    await engine.warm();
    store.begin();
    return engine;
  };
  const search = (at: number): Partial<SearchRequest> => ({ vector: vectorOf(at), include: ["text", "metadata"] });

  test("answers in four rounds, manifest included, with bytes near those that it uses", async () => {
    const expected = await warm.search(docs, search(4321));
    const engine = await cold();
    const found = await engine.search(docs, search(4321));
    expect(answerOf(found)).toEqual(answerOf(expected));
    expect(store.rounds).toBeLessThanOrEqual(4);
    expect(store.requests.filter(({ call }) => call === "download").every(({ key }) => key.includes("/deletes/"))).toBe(
      true,
    );
    const ofShards = store.requests.filter(({ key }) => key.includes("/shards/"));
    // Codes or int8 vectors of the cells, in pages; a block or two for each row that is scored.
    const scanned = found.stats.documents_scored * (distance === "cosine" ? dimensions / 8 + 4 : dimensions + 12);
    const used = 3 * scanned + (found.stats.rows_rescored + 60) * 2 * blockBytes;
    expect(ofShards.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(used);
  });

  test("gives a document by id in four rounds and few bytes", async () => {
    for (const at of [4321, 97 * 30, 2057]) {
      const expected = await warm.get(docs, idOf(at), { embedding: true });
      const engine = await cold();
      expect(await engine.get(docs, idOf(at), { embedding: true })).toEqual(expected);
      expect(store.rounds).toBeLessThanOrEqual(4);
      expect(store.requests.filter(({ key }) => key.includes("/shards/")).length).toBeLessThanOrEqual(6);
    }
    const engine = await cold();
    expect(await errorOf(engine.get(docs, idOf(3)))).toMatchObject({ kind: "not_found" });
    expect(store.rounds).toBeLessThanOrEqual(4);
    expect((await engine.get(docs, idOf(1))).text).toBe("replaced");
  });

  test("answers every query as it does with whole files: any recall, limit and offset", async () => {
    const requests = fc.record({
      at: fc.nat(documents - 1),
      recall: fc.constantFrom("fast", "balanced", "exact"),
      limit: fc.integer({ min: 1, max: 120 }),
      offset: fc.constantFrom(0, 0, 7),
      include: fc.constantFrom([], ["text"], ["embedding"], ["text", "metadata", "embedding"]),
    });
    await fc.assert(
      fc.asyncProperty(requests, async ({ at, ...rest }) => {
        const request = { ...rest, vector: vectorOf(at) } as Partial<SearchRequest>;
        expect(answerOf(await ranged.search(docs, request))).toEqual(answerOf(await warm.search(docs, request)));
      }),
      { numRuns: 40 },
    );
  });

  test("reads a filter's columns by range, and no whole file for them", async () => {
    const where = "metadata->>'at' BETWEEN 3000 AND 6000 AND word_count > 2";
    const filtered = { ...search(4321), where, explain: true };
    const engine = await cold();
    const found = await engine.search(docs, filtered);
    expect(answerOf(found)).toEqual(answerOf(await warm.search(docs, filtered)));
    expect(found.results).toHaveLength(10);
    expect(new Set(found.plan?.shards.flatMap(({ filter }) => filter ?? []))).toEqual(new Set(["columns"]));
    expect(store.requests.filter(({ call, key }) => call === "download" && key.includes("/shards/"))).toEqual([]);
  });
});

describe("what was read by range", () => {
  const inner = new MemoryStore();
  beforeAll(() => shared(() => furnish(inner, "cosine")));
  const query = { vector: vectorOf(77), recall: "balanced" as const };
  const partsOf = (cachePath: string): string[] =>
    readdirSync(join(cachePath, "parts")).map((name) => join(cachePath, "parts", name));

  test("is not asked for again, by this process or the next", async () => {
    const store = new RoundsStore(inner);
    const settings = { ...byRange, cachePath: temporaryFolder() };
    const first = await openTestEngine({ store, settings });
    const expected = answerOf(await first.search(docs, query));
    for (const engine of [first, await openTestEngine({ store, settings })]) {
      store.begin();
      expect(answerOf(await engine.search(docs, query))).toEqual(expected);
      expect(store.requests.filter(({ key }) => key.includes("/shards/"))).toEqual([]);
    }
  });

  test("is a file with holes: its name says of what", async () => {
    const settings = { ...byRange, cachePath: temporaryFolder() };
    const engine = await openTestEngine({ store: inner, settings });
    await engine.search(docs, { vector: vectorOf(78), limit: 1, recall: "fast" });
    for (const path of partsOf(settings.cachePath)) {
      expect(path).toMatch(/\/[0-9a-f]{64}-\d+\.sparse$/);
      expect(statSync(path).blocks * 512).toBeLessThan(statSync(path).size);
    }
  });

  test.each([
    ["cut short", (path: string) => truncateSync(path, 100_000)],
    ["emptied", (path: string) => truncateSync(path, 0)],
    ["overwritten, its map and all", (path: string) => writeFileSync(path, Buffer.alloc(statSync(path).size, 7))],
    [
      "changed where it is said to be present",
      (path: string) => {
        const bytes = readFileSync(path);
        for (let at = 0; at < bytes.length - 1000; at += 5000) bytes[at] = (bytes[at] ?? 0) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
  ])("and was %s meanwhile, is fetched again, and the answer is the same", async (_what, damage) => {
    const store = new RoundsStore(inner);
    const settings = { ...byRange, cachePath: temporaryFolder() };
    const first = await openTestEngine({ store, settings });
    const expected = answerOf(await first.search(docs, query));
    await first.close();
    for (const path of partsOf(settings.cachePath)) damage(path);
    const engine = await openTestEngine({ store, settings });
    store.begin();
    expect(answerOf(await engine.search(docs, query))).toEqual(expected);
    expect(store.requests.some(({ key }) => key.includes("/shards/"))).toBe(true);
  });

  test("goes when the copies together are too many bytes", async () => {
    const settings = { ...byRange, cachePath: temporaryFolder(), cacheMaxBytes: 4 * 40 * blockBytes };
    const engine = await openTestEngine({ store: inner, settings });
    const expected = await openTestEngine({ store: inner, settings: whole });
    for (let at = 0; at < 6; at++) {
      const request = { vector: vectorOf(at * 1000), limit: 1, recall: "fast" as const };
      expect(answerOf(await engine.search(docs, request))).toEqual(answerOf(await expected.search(docs, request)));
    }
    const kept = partsOf(settings.cachePath).reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
    expect(kept).toBeLessThan(6 * 40 * blockBytes);
  });

  test("and by an earlier process, goes first", async () => {
    const settings = { ...byRange, cachePath: temporaryFolder(), cacheMaxBytes: 4 * 40 * blockBytes };
    const left = join(settings.cachePath, "parts", `${"0".repeat(64)}-9000000.sparse`);
    mkdirSync(dirname(left), { recursive: true });
    writeFileSync(left, Buffer.alloc(100 * blockBytes, 1));
    const engine = await openTestEngine({ store: inner, settings });
    await engine.search(docs, { vector: vectorOf(78), limit: 1, recall: "fast" });
    await expect.poll(() => partsOf(settings.cachePath)).not.toContain(left);
    expect(partsOf(settings.cachePath).length).toBeGreaterThan(0);
  });

  test("is read on when another process removes it", async () => {
    const settings = { ...byRange, cachePath: temporaryFolder(), searchThreads: 0 };
    const engine = await openTestEngine({ store: inner, settings: { ...settings, openShards: 1 } });
    const expected = answerOf(await engine.search(docs, query));
    const other = await openTestEngine({ store: inner, settings: { ...settings, cacheMaxBytes: 4 } });
    expect(answerOf(await other.search(docs, query))).toEqual(expected);
    await expect.poll(() => partsOf(settings.cachePath)).toEqual([]);
    expect(answerOf(await engine.search(docs, query))).toEqual(expected);
  });

  test.runIf(process.platform === "linux")("leaves no file open that was removed", async () => {
    const settings = { ...byRange, cachePath: temporaryFolder(), cacheMaxBytes: 4, searchThreads: 0 };
    const engine = await openTestEngine({ store: inner, settings });
    await engine.search(docs, query);
    const open = (): string[] =>
      readdirSync("/proc/self/fd").flatMap((fd) => {
        const path = linkOf(`/proc/self/fd/${fd}`);
        return path.startsWith(settings.cachePath) && path.includes(".sparse") ? [path] : [];
      });
    await expect.poll(open).toEqual([]);
  });

  test("is not followed by a file that is larger than the cache", async () => {
    const store = new RoundsStore(inner);
    const small = { cachePath: temporaryFolder(), cacheMaxBytes: 200_000 };
    const engine = await openTestEngine({ store, settings: { wholeFileBelow: 0, wholeFileAfter: 1, ...small } });
    for (let at = 0; at < 2; at++) expect((await engine.search(docs, query)).degraded).toBe(false);
    await engine.settled();
    expect(store.requests.filter(({ call, key }) => call === "download" && key.includes("/shards/"))).toEqual([]);
  });

  test("is followed by the whole file once it is enough", async () => {
    const store = new RoundsStore(inner);
    const settings = { wholeFileBelow: 0, wholeFileAfter: 1, cachePath: temporaryFolder() };
    const engine = await openTestEngine({ store, settings });
    const before = await engine.search(docs, query);
    const shards = before.stats.shards_total;
    const downloads = () =>
      store.requests.filter(({ call, key }) => call === "download" && key.includes("/shards/")).length;
    await expect.poll(downloads).toBe(shards);
    await expect.poll(async () => (await engine.stats(docs)).cache.files).toBeGreaterThanOrEqual(shards);
    store.begin();
    expect(answerOf(await engine.search(docs, query))).toEqual(answerOf(before));
    await engine.search(docs, { vector: vectorOf(5000), recall: "exact" });
    expect(store.requests.filter(({ key }) => key.includes("/shards/"))).toEqual([]);
    await expect.poll(() => partsOf(settings.cachePath)).toEqual([]);
  });

  test("of a small file is the whole file at once", async () => {
    const store = new RoundsStore(inner);
    const engine = await openTestEngine({ store, settings: { wholeFileBelow: 2 ** 40 } });
    await engine.search(docs, query);
    expect(store.requests.filter(({ key }) => key.includes("/shards/")).every(({ call }) => call === "download")).toBe(
      true,
    );
  });
});

describe("a bucket that is slow", () => {
  const inner = new MemoryStore();
  beforeAll(() => shared(() => furnish(inner, "cosine")));
  const query = { vector: vectorOf(77), recall: "balanced" as const };

  /** What it is asked of shards comes when it is let. */
  class HeldStore extends PassingStore {
    held: "nothing" | "ranges" | "files" = "nothing";
    readonly gate = Promise.withResolvers<void>();
    override async get(key: string, options: GetOptions = {}): Promise<GetResult> {
      if (this.held === "ranges" && key.includes("/shards/")) await this.#released(options.signal);
      return await super.get(key, options);
    }
    override async download(key: string, path: string): Promise<ObjectInfo | undefined> {
      if (this.held === "files" && key.includes("/shards/")) await this.gate.promise;
      return await super.download(key, path);
    }
    async #released(signal: AbortSignal | undefined): Promise<void> {
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
      await Promise.race([this.gate.promise, aborted]);
    }
  }

  test("costs an answer no more than half of a shard's time for files that only later ones want", async () => {
    const store = new HeldStore(inner);
    const settings = { wholeFileBelow: 0, wholeFileAfter: 1, shardTimeoutMs: 500 };
    const engine = await openTestEngine({ store, settings });
    store.held = "files";
    const patient = { ...query, timeout_ms: 60_000 };
    expect((await engine.search(docs, patient)).results).toHaveLength(10);
    await engine.settled();
    store.gate.resolve();
  });

  test("costs the shards whose files do not come in time, and what comes late is there for the next", async () => {
    const store = new HeldStore(inner);
    const engine = await openTestEngine({ store, settings: { wholeFileBelow: 2 ** 40 } });
    store.held = "files";
    const late = await engine.search(docs, { ...query, timeout_ms: 300 });
    expect([late.degraded, ...new Set(late.failed_shards.map(({ code }) => code))]).toEqual([true, "shard_timeout"]);
    store.gate.resolve();
    expect((await engine.search(docs, query)).degraded).toBe(false);
    await engine.close();
  });

  test("is not held against its shards by queries that have no patience", async () => {
    const store = new HeldStore(inner);
    const engine = await openTestEngine({ store, settings: byRange });
    store.held = "ranges";
    for (let at = 0; at < 5; at++) expect((await engine.search(docs, { ...query, timeout_ms: 1 })).degraded).toBe(true);
    store.held = "nothing";
    expect((await engine.search(docs, query)).degraded).toBe(false);
  });
});

test("a whole file that can't be had is not asked for again with every range", async () => {
  const inner = new MemoryStore();
  await furnish(inner, "cosine");
  const store = new RoundsStore(inner);
  const wholeFileAfter = 500_000;
  const engine = await openTestEngine({ store, settings: { wholeFileBelow: 0, wholeFileAfter } });
  for await (const { key, sizeBytes } of inner.list("tenants/acme/docs/shards/")) {
    // Its beginning is no part of what these queries read.
    const { bytes } = (await inner.get(key)) as { bytes: Uint8Array };
    await inner.put(
      key,
      Uint8Array.from(bytes, (byte, at) => (at < 100 ? 0 : byte)),
    );
    expect(sizeBytes).toBeGreaterThan(wholeFileAfter);
  }
  for (let at = 0; at < 40; at++) {
    const found = await engine.search(docs, { vector: vectorOf(at * 200), limit: 50 });
    expect(found.degraded).toBe(false);
    await engine.settled();
  }
  const of = (call: string) => store.requests.filter((one) => one.call === call && one.key.includes("/shards/"));
  const ranged = of("get").reduce((sum, { bytes }) => sum + bytes, 0);
  expect(of("download").length).toBeGreaterThan(0);
  expect(of("download").length).toBeLessThanOrEqual(ranged / wholeFileAfter);
});

describe("a bucket that gives other bytes than were put", () => {
  const inner = new MemoryStore();
  beforeAll(() => shared(() => furnish(inner, "cosine")));

  /** Changes one byte of every range of one shard, or leaves the object out. */
  class LyingStore extends PassingStore {
    lie: "nothing" | "a byte" | "too little" | "absent" = "nothing";
    override async get(key: string, options?: GetOptions): Promise<GetResult> {
      const got = await super.get(key, options);
      if (this.lie === "nothing" || got.status !== "found" || key !== this.victim) return got;
      if (this.lie === "absent") return { status: "absent" };
      const bytes = this.lie === "a byte" ? got.bytes.slice() : got.bytes.slice(0, -1);
      if (this.lie === "a byte") bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
      return { ...got, bytes };
    }
    victim = "";
  }

  test.each([
    ["a byte", "shard_damaged"],
    ["too little", "shard_damaged"],
    ["absent", "object_missing"],
  ] as const)("%s: the answer is degraded, names the shard, and is right for the others", async (lie, code) => {
    const store = new LyingStore(inner);
    const expected = await openTestEngine({ store: inner, settings: whole });
    const engine = await openTestEngine({ store, settings: byRange });
    for await (const { key } of inner.list("tenants/acme/docs/shards/")) store.victim = key;
    store.lie = lie;
    const request = { vector: vectorOf(4321), limit: 50, recall: "exact" as const };
    const found = await engine.search(docs, request);
    const right = await expected.search(docs, { ...request, limit: 1000 });
    expect(found.degraded).toBe(true);
    expect(found.failed_shards?.map((failed) => failed.code)).toEqual([code]);
    const scores = new Map(right.results.map(({ id, score }) => [id, score]));
    for (const { id, score } of found.results) expect(scores.get(id) ?? score).toBe(score);
    expect(found.results.length).toBe(50);
    expect(await errorOf(engine.get(docs, await anIdOf(inner, store.victim)))).toMatchObject({ kind: "data", code });
    store.lie = "nothing";
    await expect.poll(async () => (await engine.search(docs, request)).degraded).toBe(false);
  });
});

/** The first live document of a shard file. */
async function anIdOf(store: MemoryStore, key: string): Promise<string> {
  const path = join(temporaryFolder(), "shard.db");
  await store.download(key, path);
  const file = ShardFile.open(path);
  const ids = [...file.ids()].map(({ id }) => id);
  file.close();
  return ids.find((id) => Number(id.slice(9)) > 2000) as string;
}

/** Where a link leads; one that went meanwhile, nowhere. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
