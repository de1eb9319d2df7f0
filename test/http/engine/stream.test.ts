import { beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import { shared, temporaryFolder, vectorsOf } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";

const scope = scopeOf("default", "documents");
const next = vectorsOf(5, 6);
let http: RealServer;

beforeAll(() =>
  shared(async () => {
    http = await realServer(temporaryFolder());
    const documents = Array.from({ length: 90 }, (_, at) => ({
      id: `doc ${at}`,
      text: `text of ${at}`,
      metadata: { at },
      embedding: next(),
    }));
    await http.call("POST", "/api/v1/documents/batch", { documents: documents.slice(0, 70) });
    await http.engine.fold(scope);
    await http.call("POST", "/api/v1/documents/batch", { documents: documents.slice(70) });
  }),
);

describe("a stream of results", () => {
  test("has those of a search in their order, then the statistics", async () => {
    const request = { query: "text", limit: 55, where: "metadata->>'at' > 3", include: ["text"] } as const;
    const { results } = await http.engine.search(scope, request);
    const found: unknown[] = [];
    const stream = http.engine.searchStream(scope, request);
    let step = await stream.next();
    for (; step.done !== true; step = await stream.next()) found.push(step.value);
    expect(found).toEqual(results);
    expect(found).toHaveLength(55);
    expect(step.value).toMatchObject({ degraded: false, failed_shards: [], stats: { shards_searched: 1 } });
  });

  test("is lines of JSON", async () => {
    const answer = await fetch(`${http.base}/api/v1/search/stream?query=text&limit=3&include=text`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    const text = await answer.text();
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => ("id" in line ? "result" : Object.keys(line)[0]))).toEqual([
      "result",
      "result",
      "result",
      "done",
    ]);
  });

  test.each([
    ["query=text&where=missing%3D1", 400, "unknown_column"],
    ["limit=3", 400, "invalid_field"],
    ["query=text&limit=0", 400, "invalid_field"],
    ["query=text&collection=none", 404, "collection_not_found"],
  ])("that can't begin is a problem: %s", async (query, status, code) => {
    const answer = await http.call("GET", `/api/v1/search/stream?${query}`);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test("that nobody reads to its end is over", async () => {
    const stream = http.engine.searchStream(scope, { query: "text", limit: 90 });
    await stream.next();
    await stream.return(undefined as never);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});
