import { beforeAll, describe, expect, test } from "vitest";
import type { Distance, Mosaic } from "../../src/engine/index.ts";
import { differenceFrom, ranking, type Scored } from "./support/brute-force.ts";
import { docs, openTestEngine, shared, vectorsOf } from "./support/engine.ts";

const dimensions = 8;

/** Vectors of one shard lie around one corner; lengths differ by a factor of a thousand between shards. */
async function corners(distance: Distance): Promise<{ engine: Mosaic; vectors: (readonly [string, number[]])[] }> {
  const engine = await openTestEngine();
  await engine.createCollection(docs, { distance });
  const next = vectorsOf(5, dimensions);
  const vectors: (readonly [string, number[]])[] = [];
  for (let shard = 0; shard < 6; shard++) {
    const centre = next().map((x) => x * 10 ** (shard % 4));
    const rows = Array.from({ length: 30 }, (_, at) => {
      const vector = next().map((x, i) => Math.fround((centre[i] ?? 0) + x * 0.3));
      return { id: `${shard}/${at}`, text: "a", embedding: vector };
    });
    for (const { id, embedding } of rows) vectors.push([id, embedding]);
    await engine.putMany(docs, rows);
    await engine.fold(docs);
  }
  return { engine, vectors };
}

describe.each(["cosine", "l2", "dot"] as const)("distance %s, vectors of very different lengths", (distance) => {
  let engine: Mosaic;
  let vectors: (readonly [string, number[]])[];
  beforeAll(() =>
    shared(async () => {
      ({ engine, vectors } = await corners(distance));
    }),
  );
  const next = vectorsOf(6, dimensions);
  const queries = Array.from({ length: 20 }, (_, at) => next().map((x) => x * 10 ** (at % 4)));

  test.each(["balanced", "exact"] as const)("recall %s finds what brute force finds", async (recall) => {
    for (const query of queries) {
      const { results } = await engine.search(docs, { vector: query, limit: 10, recall });
      const expected = ranking(distance, query, vectors);
      // Scores of dot reach thousands here; they are compared to one part in a million of the largest.
      const unit = distance === "dot" ? Math.max(1, Math.abs(expected[0]?.score ?? 1)) : 1;
      const scaled = (all: readonly Scored[]) => all.map(({ id, score }) => ({ id, score: score / unit }));
      expect(differenceFrom(scaled(expected), scaled(results), { limit: 10 })).toBeUndefined();
    }
  });

  test("recall fast finds most of it, and scores what it finds exactly", async () => {
    let found = 0;
    for (const query of queries) {
      const { results } = await engine.search(docs, { vector: query, limit: 10, recall: "fast" });
      const best = new Set(
        ranking(distance, query, vectors)
          .slice(0, 10)
          .map(({ id }) => id),
      );
      found += results.filter(({ id }) => best.has(id)).length;
      const own = new Map(ranking(distance, query, vectors).map(({ id, score }) => [id, score]));
      for (const { id, score } of results) {
        const expected = own.get(id) ?? Number.NaN;
        expect(Math.abs(score - expected)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected)));
      }
    }
    expect(found / (10 * queries.length)).toBeGreaterThan(0.9);
  });

  test("all shards as shard_limit are all shards", async () => {
    for (const query of queries) {
      const all = await engine.search(docs, { vector: query, recall: "exact" });
      const limited = await engine.search(docs, { vector: query, recall: "exact", shard_limit: 6 });
      expect(limited.results).toEqual(all.results);
    }
  });

  test("one shard as shard_limit is the one around the query", async () => {
    for (const [, vector] of vectors.filter((_, at) => at % 30 === 0)) {
      const best = ranking(distance, vector, vectors)[0]?.id.split("/")[0];
      const answer = await engine.search(docs, { vector, limit: 1, recall: "exact", shard_limit: 1 });
      expect(answer.results[0]?.id.split("/")[0]).toBe(best);
    }
  });
});
