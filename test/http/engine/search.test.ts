import { beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import { differenceFrom, ranking } from "../../engine/support/brute-force.ts";
import { shared, temporaryFolder, vectorsOf } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

const next = vectorsOf(5, 6);
const documents = Array.from({ length: 60 }, (_, at) => ({
  id: `doc ${at}`,
  text: `text of ${at}`,
  metadata: { at },
  created_at: "2024-03-01T10:00:00Z",
  embedding: next(),
}));
const vector = next();
const expected = ranking(
  "cosine",
  vector,
  documents.map(({ id, embedding }) => [id, embedding] as const),
);

let folder: string;
let http: RealServer;
/** Two shards, and ten documents in the log. */
beforeAll(() =>
  shared(async () => {
    folder = temporaryFolder();
    http = await realServer(folder);
    for (const [from, to] of [
      [0, 30],
      [30, 50],
      [50, 60],
    ] as const) {
      await http.call("POST", "/api/v1/documents/batch", { documents: documents.slice(from, to) });
      if (to < 60) await http.engine.fold(scopeOf("default", "documents"));
    }
  }),
);

const search = (body: object): Promise<Answer> => http.call("POST", "/api/v1/search", body);
const ids = ({ body }: Answer): string[] => body.results.map((hit: { id: string }) => hit.id);

describe("search", () => {
  test("gives the nearest first, ten of them, with text, metadata and time", async () => {
    const answer = await search({ vector });
    expect(differenceFrom(expected, answer.body.results, { limit: 10 })).toBeUndefined();
    const [first] = answer.body.results;
    const stored = documents.find(({ id }) => id === first.id);
    expect(first).toEqual({
      id: first.id,
      score: first.score,
      text: stored?.text,
      metadata: stored?.metadata,
      created_at: "2024-03-01 10:00:00",
    });
    expect([answer.body.degraded, answer.body.failed_shards]).toEqual([false, []]);
  });

  test("takes a text, which is embedded as documents are", async () => {
    await http.call("POST", "/api/v1/documents", { id: "same", text: "abcabc", collection: "texts" });
    await http.call("POST", "/api/v1/documents", { id: "other", text: "ddd", collection: "texts" });
    const answer = await search({ query: "abcabc", collection: "texts" });
    expect(ids(answer)).toEqual(["same", "other"]);
    expect(answer.body.results[0].score).toBeCloseTo(1, 6);
  });

  test.each(["fast", "balanced", "exact"])("with recall %s pages through everything in order", async (recall) => {
    const pages: { id: string; score: number }[] = [];
    for (let offset = 0; offset < 70; offset += 20) {
      pages.push(...(await search({ vector, limit: 20, offset, recall })).body.results);
    }
    expect(differenceFrom(expected, pages, { limit: 60 })).toBeUndefined();
  });

  test("leaves out what scores less than min_score", async () => {
    const least = expected[7]?.score ?? 0;
    const answer = await search({ vector, limit: 50, min_score: least - 1e-6 });
    expect(answer.body.results).toHaveLength(8);
    expect((await search({ vector, min_score: 1.5 })).body.results).toEqual([]);
  });

  test("carries what include asks for, and no more", async () => {
    const keys = async (include: readonly string[]): Promise<string[]> =>
      Object.keys((await search({ vector, include, limit: 1 })).body.results[0]).filter((key) => key !== "created_at");
    expect(await keys([])).toEqual(["id", "score"]);
    expect(await keys(["text"])).toEqual(["id", "score", "text"]);
    expect(await keys(["metadata"])).toEqual(["id", "score", "metadata"]);
    const { results } = (await search({ vector, include: ["embedding", "scores"], limit: 60 })).body;
    for (const { id, score, embedding, scores } of results) {
      expect(scores).toEqual({ vector_similarity: score, fused: score });
      const stored = documents.find((document) => document.id === id)?.embedding ?? [];
      expect(embedding).toEqual(stored);
    }
  });

  test("explains what it did when asked", async () => {
    expect((await search({ vector })).body.plan).toBeUndefined();
    const { plan, stats } = (await search({ vector, explain: true, recall: "exact" })).body;
    expect(plan).toMatchObject({ recall: "exact", tail_documents: 10 });
    expect(plan.shards.map((shard: { documents: number }) => shard.documents).toSorted()).toEqual([20, 30]);
    expect(plan.shards.every(({ kept, reason }: { kept: boolean; reason: string }) => kept && reason === "all")).toBe(
      true,
    );
    expect([stats.shards_total, stats.shards_searched]).toEqual([2, 2]);
    const limited = (await search({ vector, explain: true, shard_limit: 1 })).body;
    expect(limited.stats.shards_searched).toBe(1);
    expect(limited.plan.shards.map(({ kept }: { kept: boolean }) => kept).toSorted()).toEqual([false, true]);
  });

  test("sees another server's write at once, or a little later when that will do", async () => {
    const other = await realServer(folder);
    await http.call("POST", "/api/v1/documents", { id: "fresh", text: "t", embedding: vector, collection: "shared" });
    const own = { vector, collection: "shared" };
    expect(ids(await other.call("POST", "/api/v1/search", own))).toEqual(["fresh"]);
    await http.call("DELETE", "/api/v1/documents/fresh?collection=shared");
    const eventual = await other.call("POST", "/api/v1/search", { ...own, consistency: "eventual" });
    expect(eventual.body.stats.cost.get_requests).toBe(0);
    expect(ids(await other.call("POST", "/api/v1/search", { ...own, consistency: "strong" }))).toEqual([]);
  });
});

describe("the receipt of a search", () => {
  test("says what it cost: nothing is fetched once it is warm", async () => {
    const cold = await realServer(folder);
    const first = (await cold.call("POST", "/api/v1/search", { vector, recall: "exact" })).body.stats;
    expect(first.cost.get_requests).toBeGreaterThan(0);
    expect(first.cost.bytes_fetched).toBeGreaterThan(0);
    const answer = await cold.call("POST", "/api/v1/search", { vector, recall: "exact" });
    const { cost, took_ms, documents_scored, rows_rescored } = answer.body.stats;
    expect(cost).toMatchObject({ bytes_fetched: 0, put_requests: 0, list_requests: 0 });
    expect(cost.compute_ms).toBeGreaterThan(0);
    // A folder's requests are free; compute at the price of docs/api.md.
    expect(cost.usd).toBeCloseTo((cost.compute_ms / 1000) * 0.0000133334 * (1769 / 1024), 8);
    expect([documents_scored, rows_rescored <= 50]).toEqual([60, true]);
    const timing = Object.fromEntries(
      (answer.headers.get("server-timing") ?? "").split(", ").map((part) => part.split(";dur=")),
    );
    expect(Object.keys(timing)).toEqual(["total", "search", "compute"]);
    expect(Number(timing.search)).toBeCloseTo(took_ms, 1);
    expect(Number(timing.total)).toBeGreaterThanOrEqual(Number(timing.search));
  });
});

describe("a search that can't be", () => {
  test.each([
    ["of nothing", {}, 400, "query_or_vector"],
    ["of two things", { query: "a", vector }, 400, "query_or_vector"],
    ["of white space", { query: "  " }, 400, "empty_query"],
    ["of half a character", { query: "\ud800" }, 400, "invalid_utf8"],
    ["with a vector of another length", { vector: [1, 2] }, 400, "wrong_dimensions"],
    ["with a vector of zeros", { vector: [0, 0, 0, 0, 0, 0] }, 400, "zero_vector"],
    ["with a number that float32 does not have", { vector: [1e300, 0, 0, 0, 0, 0] }, 400, "invalid_vector"],
    ["beyond the limit", { vector, limit: 1001 }, 400, "invalid_field"],
    ["with something else", { vector, include: ["all"] }, 400, "invalid_field"],
    ["with an unknown option", { vector, filter: "1" }, 400, "unknown_field"],
    ["with a condition that is none", { vector, where: "missing = 1" }, 400, "unknown_column"],
    ["with a ranker that is none", { vector, ranker: { scorers: [] } }, 400, "invalid_field"],
    ["in a collection that does not exist", { vector, collection: "nowhere" }, 404, "collection_not_found"],
  ])("%s: %j", async (_how, body, status, code) => {
    const answer = await search(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.detail).toMatch(/^\S.{10,}$/);
  });
});
