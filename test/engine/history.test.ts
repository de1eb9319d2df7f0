import { expect, test } from "vitest";
import type { Mosaic } from "../../src/engine/index.ts";
import { QueryHistory } from "../../src/selection/index.ts";
import { docs, openTestEngine } from "./support/engine.ts";

const unit = (angle: number): Float32Array => Float32Array.of(Math.cos(angle), Math.sin(angle));

test("a history prefers what answered similar queries, forgets with each query, and is bounded", () => {
  const history = new QueryHistory(8);
  history.note(unit(0), ["a", "a", "b"]);
  history.note(unit(Math.PI / 2), ["c"]);
  expect(history.preferred(unit(0.1))).toEqual(["a", "b"]);
  expect(history.preferred(unit(Math.PI))).toEqual([]);
  history.note(unit(0), ["b"]);
  expect(history.preferred(unit(0.1))).toEqual(["b", "a"]);
  for (let query = 0; query < 8; query++) history.note(unit(Math.PI / 2), ["c"]);
  expect(history.preferred(unit(0.1))).toEqual([]);
});

test("a history of no queries remembers none, and of other dimensions says nothing", () => {
  const none = new QueryHistory(0);
  none.note(unit(0), ["a"]);
  expect(none.preferred(unit(0))).toEqual([]);
  const history = new QueryHistory(4);
  history.note(unit(0), ["a"]);
  expect(history.preferred(Float32Array.of(1, 0, 0))).toEqual([]);
});

/** Three shards. The nearest to the query lies in the one whose cell seems farthest: beside many that point elsewhere. */
async function threeShards(historyQueries: number): Promise<Mosaic> {
  const engine = await openTestEngine({ settings: { shardMaxDocs: 20, historyQueries } });
  for (const shard of [0, 1, 2]) {
    const angles = Array.from({ length: 20 }, (_, at) => (shard === 2 ? (at === 0 ? 0 : 1.2) : 0.3 + 0.3 * shard));
    const documents = angles.map((angle, at) => ({ id: `${shard}-${at}`, text: "t", embedding: unit(angle) }));
    await engine.putMany(docs, documents);
    await engine.fold(docs);
  }
  return engine;
}

const limited = { vector: [1, 0.02], limit: 3, shard_limit: 1, include: [], explain: true } as const;
const found = async (engine: Mosaic) => {
  const { results, plan } = await engine.search(docs, limited);
  return { first: results[0]?.id, reason: plan?.shards.find(({ kept }) => kept)?.reason };
};

test("under a limit the shard that answered a similar query is searched; explain says why", async () => {
  const engine = await threeShards(256);
  const before = await found(engine);
  expect(before.reason).not.toBe("history");
  expect((await engine.search(docs, { vector: [1, 0], limit: 1 })).results[0]?.id).toBe("2-0");
  expect(before.first).not.toBe("2-0");
  expect(await found(engine)).toEqual({ first: "2-0", reason: "history" });
});

test("HISTORY_QUERIES=0 switches it off", async () => {
  const engine = await threeShards(0);
  const before = await found(engine);
  await engine.search(docs, { vector: [1, 0], limit: 1 });
  expect(await found(engine)).toEqual(before);
});
