import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/index.ts";
import type { JobInfo, Mosaic, PageRankOptions } from "../../src/engine/index.ts";
import { decodeManifest, type Manifest } from "../../src/manifest/index.ts";
import { MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { docs, errorOf, openTestEngine } from "./support/engine.ts";
import { allKeys, HookedStore } from "./support/stores.ts";

const prefix = "tenants/acme/docs/";

interface Page {
  readonly id: string;
  readonly links: unknown;
}

/** Documents in shards of about `perShard`, folded one after the other. */
async function write(engine: Mosaic, pages: readonly Page[], perShard = 5): Promise<void> {
  for (let from = 0; from < pages.length; from += perShard) {
    const part = pages.slice(from, from + perShard);
    await engine.putMany(
      docs,
      part.map(({ id, links }) => ({ id, text: `page ${id}`, metadata: { outbound_links: links } })),
    );
    await engine.fold(docs);
  }
}

async function finished(engine: Mosaic, job: JobInfo): Promise<JobInfo> {
  await engine.jobEnded(job.id);
  return await engine.job(docs.tenant, job.id);
}

const rank = async (engine: Mosaic, options: PageRankOptions = {}): Promise<JobInfo> =>
  finished(engine, await engine.computePageRank(docs, options));

async function ranksOf(engine: Mosaic): Promise<ReadonlyMap<string, number>> {
  const { rows } = await engine.sql(docs, { sql: "SELECT id, pagerank FROM documents" });
  return new Map(rows as readonly (readonly [string, number])[]);
}

async function manifestOf(store: ObjectStore): Promise<Manifest> {
  const got = await store.get(`${prefix}manifest.json`);
  if (got.status !== "found") throw new Error("no manifest");
  return decodeManifest(got.bytes, "manifest.json");
}

/**
 * PageRank as it is defined: of a dense matrix, to the end. Links are texts of a list, or one text; to what is no page, or a
 * second time, they are none.
 */
function expectedRanks(pages: readonly Page[], damping = 0.85): ReadonlyMap<string, number> {
  const at = new Map(pages.map(({ id }, node) => [id, node]));
  const targets = pages.map(({ links }) => {
    const named = typeof links === "string" ? [links] : Array.isArray(links) ? (links as unknown[]) : [];
    return [...new Set(named.flatMap((id) => (typeof id === "string" ? (at.get(id) ?? []) : [])))];
  });
  let ranks = pages.map(() => 1 / pages.length);
  for (let iteration = 0; iteration < 400; iteration++) {
    const next = pages.map(() => (1 - damping) / pages.length);
    targets.forEach((links, node) => {
      const all = links.length === 0 ? pages.map((_page, other) => other) : links;
      for (const target of all)
        next[target] = (next[target] as number) + (damping * (ranks[node] as number)) / all.length;
    });
    ranks = next;
  }
  return new Map(pages.map(({ id }, node) => [id, ranks[node] as number]));
}

function expectRanks(found: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): void {
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [id, value] of expected) expect(found.get(id), id).toBeCloseTo(value, 12);
}

/** Parallel links, links to oneself, to nowhere, in other shards, none at all, and what is no link. */
const web: readonly Page[] = [
  { id: "a", links: ["b", "c", "b", "nowhere"] },
  { id: "b", links: ["c"] },
  { id: "c", links: ["a", "c"] },
  { id: "d", links: "a" },
  { id: "e", links: [] },
  { id: "f", links: null },
  { id: "g", links: ["a", 7, null, { id: "b" }, ["c"]] },
  { id: "h", links: { to: "b" } },
  { id: "ü ☃", links: ["a", "ü ☃"] },
  { id: "j", links: ["k", "ü ☃"] },
  { id: "k", links: ["j"] },
  { id: "l", links: true },
];
const exact: PageRankOptions = { iterations: 400, tolerance: 1e-15 };

describe("a PageRank job", () => {
  test("ranks documents of all shards and the tail by their links", async () => {
    const engine = await openTestEngine();
    await write(engine, web.slice(0, 10));
    await engine.putMany(
      docs,
      web.slice(10).map(({ id, links }) => ({ id, text: id, metadata: { outbound_links: links } })),
    );
    expect([...(await ranksOf(engine)).values()].every((value) => value === 0)).toBe(true);

    const job = await rank(engine, exact);
    expect(job).toMatchObject({ kind: "pagerank", status: "done", error: null });
    expect(job.result).toMatchObject({ documents: 12, links: 12, converged: 1 });
    expect(job.progress).toEqual({ done: 24, total: 24, unit: "documents" });
    expectRanks(await ranksOf(engine), expectedRanks(web));
    expect((await engine.stats(docs)).last_pagerank_at).not.toBeNull();
    expect((await engine.verify(docs)).problems).toEqual([]);
  });

  test("takes damping, iterations and another key; ends by itself when tolerance says so", async () => {
    const engine = await openTestEngine();
    await engine.putMany(
      docs,
      web.map(({ id, links }) => ({ id, text: id, metadata: { refs: links } })),
    );
    await rank(engine, { ...exact, damping: 0.5, links: "refs" });
    expectRanks(await ranksOf(engine), expectedRanks(web, 0.5));
    expect((await rank(engine)).result).toMatchObject({ links: 0 });
    expect((await rank(engine, { links: "refs" })).result).toMatchObject({ iterations: 20, converged: 0 });
    const { result } = await rank(engine, { links: "refs", tolerance: 0.001, iterations: 1000 });
    expect(result).toMatchObject({ converged: 1 });
    expect(result?.["iterations"]).toBeLessThan(100);
  });

  test("says what can't be asked for", async () => {
    const engine = await openTestEngine();
    await write(engine, web);
    for (const [options, code] of [
      [{ damping: 1 }, "invalid_damping"],
      [{ damping: Number.NaN }, "invalid_damping"],
      [{ iterations: 0 }, "invalid_iterations"],
      [{ iterations: 2.5 }, "invalid_iterations"],
      [{ tolerance: -1 }, "invalid_tolerance"],
      [{ links: "" }, "invalid_links"],
    ] as const) {
      expect(await errorOf(engine.computePageRank(docs, options))).toMatchObject({ code });
    }
  });

  test("of a collection without documents has nothing to do", async () => {
    const engine = await openTestEngine();
    await engine.createCollection(docs, {});
    expect((await rank(engine)).result).toMatchObject({ documents: 0, links: 0 });
  });
});

describe("ranks", () => {
  test("are seen by SQL in every place: order, limit, conditions, groups, joins", async () => {
    const engine = await openTestEngine();
    await write(engine, web);
    await rank(engine, exact);
    const expected = [...expectedRanks(web)].sort((a, b) => b[1] - a[1]);
    const sql = async (text: string): Promise<readonly (readonly unknown[])[]> =>
      (await engine.sql(docs, { sql: text })).rows;
    const best = expected.slice(0, 4).map(([id]) => [id]);
    expect(await sql("SELECT id FROM documents ORDER BY pagerank DESC LIMIT 4")).toEqual(best);
    const above = expected.filter(([, value]) => value > 0.1).map(([id]) => [id]);
    expect(above.length).toBeGreaterThan(0);
    expect(await sql("SELECT id FROM documents WHERE pagerank > 0.1 ORDER BY pagerank DESC")).toEqual(above);
    const [[sum, top]] = (await sql("SELECT sum(pagerank), max(pagerank) FROM documents")) as [[number, number]];
    expect(sum).toBeCloseTo(1, 12);
    expect(top).toBeCloseTo((expected[0] as [string, number])[1], 12);
    expect(
      await sql(
        "SELECT d.id FROM documents d JOIN documents e ON e.pagerank > d.pagerank GROUP BY d.id HAVING count(*) = 1",
      ),
    ).toEqual([[(expected[1] as [string, number])[0]]]);
  });

  test("are searched by: the scorer, a condition, an expression", async () => {
    const engine = await openTestEngine();
    await engine.putMany(
      docs,
      web.map(({ id, links }, at) => ({
        id,
        text: "same words",
        metadata: { outbound_links: links },
        embedding: [1, at],
      })),
    );
    await engine.fold(docs);
    await rank(engine, exact);
    const expected = [...(await ranksOf(engine))].sort((a, b) => b[1] - a[1]);
    const most = (expected[0] as [string, number])[1];
    const found = async (scorer: "pagerank" | "expression"): Promise<readonly (readonly [string, number])[]> => {
      const answer = await engine.hybrid(docs, {
        query: "words",
        vector: [1, 0],
        limit: 3,
        include: ["scores"],
        ranker: {
          scorers: [{ name: scorer, weight: 1, ...(scorer === "expression" ? { sql: "pagerank" } : {}) }],
          fusion: "weighted_sum",
        },
      });
      return answer.results.map(({ id, scores }) => [id, scores?.[scorer] as number]);
    };
    expect(await found("pagerank")).toEqual(expected.slice(0, 3));
    expect(await found("expression")).toEqual(expected.slice(0, 3));
    const filtered = await engine.search(docs, { vector: [1, 0], where: `pagerank >= ${most}` });
    expect(filtered.results.map(({ id }) => id)).toEqual([(expected[0] as [string, number])[0]]);
    // Another run's ranks must not be answered by what is remembered of a filter.
    await rank(engine, { damping: 0 });
    const again = await engine.search(docs, { vector: [1, 0], where: `pagerank >= ${most}` });
    expect(again.results).toEqual([]);
    const all = await engine.search(docs, { vector: [1, 0], where: "pagerank < 0.1", limit: 20 });
    expect(all.results).toHaveLength(web.length);
  });

  test("prune shards by the range of the ranks that count", async () => {
    const engine = await openTestEngine();
    await write(engine, web);
    await rank(engine, exact);
    const plan = async (where: string): Promise<readonly boolean[]> => {
      const { plan: made } = await engine.sql(docs, { sql: `SELECT id FROM documents WHERE ${where}`, explain: true });
      return (made?.shards ?? []).map(({ kept }) => kept);
    };
    expect(await plan("pagerank = 0")).not.toContain(true);
    expect(await plan("pagerank > 0.2")).toContain(true);
    expect(await plan("pagerank > 0.2")).toContain(false);
  });

  test("of documents that are new or written again are 0 until the next run", async () => {
    const engine = await openTestEngine();
    await write(engine, web);
    await rank(engine, exact);
    const before = await ranksOf(engine);
    await engine.put(docs, { id: "a", text: "again", metadata: { outbound_links: ["b"] } });
    await engine.put(docs, { id: "new", text: "new", metadata: { outbound_links: ["b"] } });
    await engine.delete(docs, "e");
    const expected = new Map([...before, ["a", 0] as const, ["new", 0] as const]);
    expected.delete("e");
    expectRanks(await ranksOf(engine), expected);
    await engine.fold(docs);
    expectRanks(await ranksOf(engine), expected);
    const now: readonly Page[] = [
      { id: "a", links: ["b"] },
      { id: "new", links: ["b"] },
      ...web.filter(({ id }) => id !== "a" && id !== "e"),
    ];
    await rank(engine, exact);
    expectRanks(await ranksOf(engine), expectedRanks(now));
  });

  test("lie beside the shards until a fold or a compaction merges them into the new files", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    await write(engine, web, 4);
    await rank(engine, exact);
    const beside = await manifestOf(store);
    expect(beside.shards.map(({ ranks }) => ranks?.key.startsWith(`${prefix}ranks/`))).toEqual([true, true, true]);
    // More small shards, until a fold merges those that have ranks.
    for (let at = 0; at < 8; at++) await write(engine, [{ id: `n${at}`, links: [] }]);
    const merged = await manifestOf(store);
    expect(merged.shards.filter(({ ranks }) => ranks !== undefined).length).toBeLessThan(3);
    const expected = new Map([...expectedRanks(web), ...Array.from({ length: 8 }, (_, at) => [`n${at}`, 0] as const)]);
    expectRanks(await ranksOf(engine), expected);

    await finished(engine, await engine.compact(docs));
    const compacted = await manifestOf(store);
    expect(compacted.shards.map(({ ranks, status }) => [ranks, status])).toEqual([[undefined, "compacted"]]);
    expectRanks(await ranksOf(engine), expected);
    expect((await engine.verify(docs)).problems).toEqual([]);
  });
});

describe("old ranks stay whole", () => {
  const unlike: PageRankOptions = { damping: 0.2, iterations: 400, tolerance: 1e-15 };

  /** Ranks are there; then something becomes of a second run. */
  async function ranked(): Promise<{ store: HookedStore; engine: Mosaic }> {
    const store = new HookedStore(new MemoryStore());
    const engine = await openTestEngine({ store });
    await write(engine, web);
    await rank(engine, exact);
    return { store, engine };
  }

  /** The job waits before its second shard of ranks is stored, until `release`. */
  function gateAtSecondShard(store: HookedStore): { reached: Promise<void>; release: () => void } {
    let [reach, release] = [(): void => undefined, (): void => undefined];
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const gate = new Promise<void>((resolve) => (release = resolve));
    let seen = 0;
    store.onPut = async (key, put) => {
      if (key.includes("/ranks/") && ++seen === 2) {
        reach();
        await gate;
      }
      return put();
    };
    return { reached, release };
  }

  test("when storage fails between two shards; what was stored is taken away", async () => {
    const { store, engine } = await ranked();
    const keys = await allKeys(store, `${prefix}ranks/`);
    let seen = 0;
    store.onPut = async (key, put) => {
      if (key.includes("/ranks/") && ++seen === 2) throw new Error("no");
      return put();
    };
    expect(await rank(engine, unlike)).toMatchObject({ status: "failed" });
    expectRanks(await ranksOf(engine), expectedRanks(web));
    expect(await allKeys(store, `${prefix}ranks/`)).toEqual(keys);
  });

  test("when it is cancelled", async () => {
    const { store, engine } = await ranked();
    const { reached, release } = gateAtSecondShard(store);
    const job = await engine.computePageRank(docs, unlike);
    await reached;
    await engine.cancelJob(docs.tenant, job.id);
    release();
    expect(await finished(engine, job)).toMatchObject({ status: "cancelled" });
    expectRanks(await ranksOf(engine), expectedRanks(web));
  });

  test("when its process is killed; another one finishes it, and gc takes what was left", async () => {
    const { store, engine } = await ranked();
    const { reached, release } = gateAtSecondShard(store); // until then that process does nothing any more
    const job = await engine.computePageRank(docs, unlike);
    await reached;
    const beside = new Set((await manifestOf(store)).shards.map(({ ranks }) => ranks?.key));
    const left = (await allKeys(store, `${prefix}ranks/`)).filter((key) => !beside.has(key));
    expect(left).toHaveLength(1);
    expectRanks(await ranksOf(engine), expectedRanks(web));

    store.onPut = undefined;
    const later = { now: () => Date.now() + 3_600_000 };
    const second = await openTestEngine({
      store,
      clock: { ...systemClock, ...later },
      settings: { gcGraceMs: 1, snapshotKeepMs: 1 },
    });
    expectRanks(await ranksOf(second), expectedRanks(web));
    await second.workInBackground();
    await second.jobEnded(job.id);
    expect(await second.job(docs.tenant, job.id)).toMatchObject({ status: "done" });
    expectRanks(await ranksOf(second), expectedRanks(web, 0.2));
    const { orphans } = await second.gc(docs, true);
    expect(orphans.map(({ key }) => key)).toEqual(left);
    const named = (await manifestOf(store)).shards.map(({ ranks }) => ranks?.key);
    // Condemned, then marked, then deleted, each a millisecond after the other at least: a fast machine needs more rounds.
    const afterGc = async () => {
      await second.gc(docs, true);
      return await allKeys(store, `${prefix}ranks/`);
    };
    await expect.poll(afterGc).toEqual([...named].sort());

    // It was not dead, it slept: what it has still in hand must do no harm.
    release();
    await engine.jobEnded(job.id);
    expectRanks(await ranksOf(second), expectedRanks(web, 0.2));
    expect((await second.verify(docs)).problems).toEqual([]);
    expect(await second.job(docs.tenant, job.id)).toMatchObject({ status: "done" });
  });

  test("shards that are compacted meanwhile get their ranks by id", async () => {
    const { store, engine } = await ranked();
    const { reached, release } = gateAtSecondShard(store);
    const job = await engine.computePageRank(docs, unlike);
    await reached;
    await engine.put(docs, { id: "late", text: "late" });
    await finished(engine, await engine.compact(docs));
    release();
    expect(await finished(engine, job)).toMatchObject({ status: "done" });
    expectRanks(await ranksOf(engine), new Map([...expectedRanks(web, 0.2), ["late", 0]]));
    expect((await engine.verify(docs)).problems).toEqual([]);
  });

  test("a compaction that ranks overtake keeps the newer ones", async () => {
    const { store, engine } = await ranked();
    let [reach, release] = [(): void => undefined, (): void => undefined];
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const gate = new Promise<void>((resolve) => (release = resolve));
    let seen = 0;
    store.onPut = async (key, put) => {
      if (key.includes("/shards/") && ++seen === 1) {
        reach();
        await gate;
      }
      return put();
    };
    const job = await engine.compact(docs);
    await reached;
    expect(await rank(engine, unlike)).toMatchObject({ status: "done" });
    release();
    expect(await finished(engine, job)).toMatchObject({ status: "done", result: { shards_after: 1 } });
    expectRanks(await ranksOf(engine), expectedRanks(web, 0.2));
  });
});

describe("ranks belong to their generation", () => {
  test("as_of, branch and rollback show those of then", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    await write(engine, web);
    await rank(engine, exact);
    const { generation } = await engine.stats(docs);
    await rank(engine, { ...exact, damping: 0.2 });
    const { rows } = await engine.sql(docs, { sql: "SELECT id, pagerank FROM documents", as_of: generation });
    expectRanks(new Map(rows as readonly (readonly [string, number])[]), expectedRanks(web));

    await engine.branch(docs, "before" as Parameters<Mosaic["branch"]>[1], generation);
    const before = { ...docs, collection: "before" as typeof docs.collection };
    const branched = await engine.sql(before, { sql: "SELECT id, pagerank FROM documents" });
    expectRanks(new Map(branched.rows as readonly (readonly [string, number])[]), expectedRanks(web));
    expectRanks(await ranksOf(engine), expectedRanks(web, 0.2));

    await engine.rollback(docs, generation);
    expectRanks(await ranksOf(engine), expectedRanks(web));
    for (const scope of [docs, before]) expect((await engine.verify(scope)).problems).toEqual([]);
  });

  test("old ones are deleted when their time has come, and not while a branch uses them", async () => {
    const store = new MemoryStore();
    let aheadMs = 0;
    const clock = { ...systemClock, now: () => Date.now() + aheadMs };
    const engine = await openTestEngine({ store, clock, settings: { gcGraceMs: 1, snapshotKeepMs: 1 } });
    await write(engine, web, 20);
    await rank(engine, exact);
    const [first] = await allKeys(store, `${prefix}ranks/`);
    await engine.branch(docs, "other" as Parameters<Mosaic["branch"]>[1]);
    await rank(engine, { damping: 0.2 });
    const passes = async (): Promise<void> => {
      for (let pass = 0; pass < 3; pass++) {
        aheadMs += 3_600_000;
        await engine.gc(docs, true);
      }
    };
    await passes();
    expect(await allKeys(store, `${prefix}ranks/`)).toContain(first);
    await engine.deleteCollection({ ...docs, collection: "other" as typeof docs.collection });
    await passes();
    expect(await allKeys(store, `${prefix}ranks/`)).not.toContain(first);
    expectRanks(await ranksOf(engine), await ranksOf(engine));
  });
});

describe("damaged ranks", () => {
  async function damaged(change: (bytes: Uint8Array) => Uint8Array | undefined) {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    await write(engine, web, 20);
    await rank(engine, exact);
    await engine.close();
    const [key] = (await allKeys(store, `${prefix}ranks/`)) as [string];
    const got = await store.get(key);
    if (got.status !== "found") throw new Error("no ranks");
    const bytes = change(got.bytes);
    if (bytes === undefined) await store.delete(key);
    else await store.put(key, bytes);
    return { store, key };
  }

  test.each([
    ["a changed byte", (bytes: Uint8Array) => bytes.map((byte, at) => (at === bytes.length - 9 ? byte ^ 1 : byte))],
    ["half of them", (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2)],
    ["nothing", () => undefined],
  ])(
    "(%s) cost their shard an answer by rank, and nothing else; repaired, the file's own count",
    async (_what, change) => {
      const { store, key } = await damaged(change);
      const engine = await openTestEngine({ store });
      const byRank = await engine.sql(docs, { sql: "SELECT id FROM documents ORDER BY pagerank DESC" });
      expect(byRank).toMatchObject({ degraded: true, rows: [] });
      const others = await engine.sql(docs, { sql: "SELECT count(*) FROM documents" });
      expect(others).toMatchObject({ degraded: false, rows: [[web.length]] });
      const report = await engine.verify(docs);
      expect(report.problems.map(({ object }) => object)).toEqual([key]);
      const repaired = await engine.verify(docs, { repair: true });
      expect(repaired.repairs.map(({ object, action }) => [object, action])).toEqual([[key, "dropped"]]);
      expect(repaired.problems).toEqual([]);
      expect([...(await ranksOf(engine)).values()].every((value) => value === 0)).toBe(true);
      await rank(engine, exact);
      expectRanks(await ranksOf(engine), expectedRanks(web));
    },
  );
});
