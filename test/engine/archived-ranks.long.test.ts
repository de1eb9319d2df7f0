import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mosaic } from "../../src/engine/index.ts";
import { MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { S3Store } from "../../src/store/s3.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { archived, finished } from "./support/archived.ts";
import { docs, openTestEngine } from "./support/engine.ts";
import { CountingStore } from "./support/stores.ts";

const years = [2020, 2022, 2024];
const perShard = 12;
const ids = years.flatMap((year) => Array.from({ length: perShard }, (_, no) => `${year}-${no}`));
/** Everything by range, and no file so small that it would come whole. */
const byRange = { wholeFileBelow: 0, wholeFileAfter: 2 ** 40 };

/** A shard of each year, whose ranks lie beside it: oldest first. All but one link to the first of 2020. */
async function furnish(engine: Mosaic): Promise<readonly string[]> {
  await engine.createCollection(docs, { dimensions: 2, embedding_model: "none" });
  const shards: string[] = [];
  for (const year of years) {
    const documents = Array.from({ length: perShard }, (_, no) => ({
      id: `${year}-${no}`,
      text: `page of ${year}`,
      embedding: [1, no],
      metadata: { outbound_links: ["2020-0", ids[(no * 5 + 3) % ids.length]] },
      created_at: `${year}-05-01T10:00:00Z`,
    }));
    await engine.putMany(docs, documents);
    await engine.fold(docs);
    shards.push(
      (await engine.stats(docs)).shards.map(({ id }) => id as string).find((id) => !shards.includes(id)) ?? "",
    );
  }
  expect(await finished(engine, await engine.computePageRank(docs))).toMatchObject({ status: "done" });
  return shards;
}

const byRank = { scorers: [{ name: "pagerank", weight: 1 }], fusion: "weighted_sum" } as const;
const ordered = "SELECT id, pagerank FROM documents ORDER BY pagerank DESC, id";

/** What is asked by rank, in every way. */
async function answersOf(engine: Mosaic): Promise<unknown> {
  const vector = [1, 3];
  const ranked = await engine.hybrid(docs, { query: "page", vector, ranker: byRank, limit: 30, include: ["scores"] });
  const filtered = await engine.search(docs, { vector, where: "pagerank > 0.02", limit: 30, recall: "exact" });
  const sql = await engine.sql(docs, { sql: ordered });
  return [ranked, filtered, sql].map(({ degraded, ...answer }) => [
    degraded,
    "rows" in answer ? answer.rows : answer.results,
  ]);
}

let server: S3Server | undefined;
beforeAll(async () => {
  if (!hasS3Server) return;
  server = await startS3Server();
  await server.createBucket("ranks");
});
afterAll(() => server?.stop());

let prefixes = 0;
const stores: readonly { readonly name: string; readonly open: () => ObjectStore; readonly skip: boolean }[] = [
  { name: "memory", open: () => new MemoryStore(), skip: false },
  {
    name: hasS3Server ? "S3" : `S3 (${withoutS3Server})`,
    open: () => new S3Store({ bucket: "ranks", prefix: `p${prefixes++}`, endpoint: server?.endpoint }),
    skip: !hasS3Server,
  },
];

for (const { name, open, skip } of stores) {
  describe.skipIf(skip)(name, () => {
    test("ranks of shards of which nothing is here are read once each, and no shard file whole for them", async () => {
      const store = open();
      const warm = await openTestEngine({ store });
      await furnish(warm);
      const counting = new CountingStore(store);
      const cold = await openTestEngine({ store: counting, settings: byRange });
      const expected = await warm.hybrid(docs, { query: "page", vector: [1, 3], ranker: byRank, include: ["scores"] });
      const asked = await counting.during(async () => {
        const found = await cold.hybrid(docs, { query: "page", vector: [1, 3], ranker: byRank, include: ["scores"] });
        expect([found.results, found.degraded]).toEqual([expected.results, false]);
      });
      const of = (folder: string): readonly string[] =>
        asked.filter(({ key }) => key.includes(`/${folder}/`)).map(({ call }) => call);
      expect(of("ranks")).toHaveLength(years.length);
      expect(of("shards").length).toBeGreaterThan(0);
      expect(of("shards").every((call) => call === "get")).toBe(true);
      const again = await counting.during(() => cold.hybrid(docs, { query: "page", vector: [1, 3], ranker: byRank }));
      expect(again.filter(({ key }) => key.includes("/ranks/"))).toEqual([]);
      expect(await answersOf(cold)).toEqual(await answersOf(warm));
    });

    test("shards that are read as they are keep their ranks in a colder class, and on the way back", async () => {
      const store = open();
      const engine = await openTestEngine({ store });
      const shards = await furnish(engine);
      const before = await answersOf(engine);
      await archived(engine, shards, "GLACIER_IR");
      expect(await answersOf(engine)).toEqual(before);
      expect(await answersOf(await openTestEngine({ store, settings: byRange }))).toEqual(before);
      expect(await finished(engine, await engine.computePageRank(docs))).toMatchObject({ status: "done" });
      expect(await answersOf(engine)).toEqual(before);
      expect(await finished(engine, await engine.restore(docs))).toMatchObject({ status: "done" });
      expect(await answersOf(engine)).toEqual(before);
      expect(await engine.verify(docs)).toMatchObject({ ok: true, problems: [] });
    });

    test("a frozen shard keeps its ranks through a run that can't read it, and is missed where they count", async () => {
      const engine = await openTestEngine({ store: open() });
      const shards = await furnish(engine);
      const [old = ""] = shards;
      const before = (await engine.sql(docs, { sql: ordered })).rows;
      const ofOld = (rows: typeof before): unknown => rows.filter(([id]) => String(id).startsWith("2020"));
      await archived(engine, [old], "GLACIER");
      const failed = [{ shard: old, code: "archived_needs_restore" }];
      const missed = await engine.sql(docs, { sql: ordered });
      expect(missed).toMatchObject({ degraded: true, failed_shards: failed });
      expect(missed.rows).toEqual(before.filter(([id]) => !String(id).startsWith("2020")));
      const ranked = await engine.hybrid(docs, { query: "page", vector: [1, 3], ranker: byRank });
      expect(ranked).toMatchObject({ degraded: true, failed_shards: failed });
      // The range of its ranks, which is known without the file, excludes it.
      const most = Math.max(...before.map(([, value]) => Number(value)));
      const above = await engine.sql(docs, { sql: `SELECT id FROM documents WHERE pagerank > ${2 * most}` });
      expect(above).toMatchObject({ rows: [], degraded: false });

      const job = await finished(engine, await engine.computePageRank(docs, { damping: 0.5 }));
      expect(job).toMatchObject({ status: "done", result: { documents: 2 * perShard } });
      expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: ids.length });
      expect(await finished(engine, await engine.restore(docs))).toMatchObject({ status: "done" });
      const back = (await engine.sql(docs, { sql: ordered })).rows;
      expect(ofOld(back)).toEqual(ofOld(before));
      expect(back).not.toEqual(before);
      expect(await finished(engine, await engine.computePageRank(docs))).toMatchObject({ status: "done" });
      expect((await engine.sql(docs, { sql: ordered })).rows).toEqual(before);
      expect(await engine.verify(docs)).toMatchObject({ ok: true, problems: [], archived: [] });
    });
  });
}
