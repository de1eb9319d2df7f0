import { beforeAll, describe, expect, test } from "vitest";
import { MosaicError, onAskerGone, scopeOf } from "../../../src/base/index.ts";
import { ndjsonOf } from "../../../src/http/stream.ts";
import { shared, temporaryFolder, vectorsOf } from "../../engine/support/engine.ts";
import { behindGateway } from "../support/gateway-server.ts";
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

  test("by meaning and by words has those of a hybrid search", async () => {
    const { results } = await http.engine.hybrid(scope, { query: "text -7", limit: 5, include: [] });
    const answer = await fetch(`${http.base}/api/v1/search/stream?query=text+-7&limit=5&include=&hybrid=true`);
    const lines = (await answer.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines.slice(0, -1)).toEqual(results);
    expect(lines).toHaveLength(6);
  });

  test("that nobody reads to its end is over", async () => {
    const stream = http.engine.searchStream(scope, { query: "text", limit: 90 });
    await stream.next();
    await stream.return(undefined as never);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

/** Lines without end: the second waits for its gate. Says how many were wanted, and when they were given up. */
function endless() {
  const second = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const state = { wanted: 0, openGate: second.resolve, over: over.promise };
  async function* lines(): AsyncGenerator<{ readonly line: number }, undefined> {
    try {
      for (let line = 0; ; line++) {
        state.wanted++;
        if (line === 1) await second.promise;
        await aTurn();
        yield { line };
      }
    } finally {
      over.resolve();
    }
  }
  return Object.assign(state, { source: lines() });
}
const textOf = (chunk: Uint8Array | undefined): string => new TextDecoder().decode(chunk);
const aTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("lines", () => {
  test("leave one by one, and none is made before it is wanted", async () => {
    const made = endless();
    const { source, openGate, over } = made;
    const reader = (
      await ndjsonOf(
        source,
        () => ({ done: true }),
        () => undefined,
      )
    ).getReader();
    expect(textOf((await reader.read()).value)).toBe('{"line":0}\n');
    for (let turn = 0; turn < 20; turn++) await aTurn();
    expect(made.wanted).toBe(1);
    const second = reader.read();
    openGate();
    expect(textOf((await second).value)).toBe('{"line":1}\n');
    await reader.cancel();
    await over;
  });

  test("end with what failed, as a problem", async () => {
    async function* failing(): AsyncGenerator<number, undefined> {
      yield 1;
      throw new MosaicError("unavailable", "read", { code: "shard_unavailable", detail: "Gone." });
    }
    const failed: unknown[] = [];
    const stream = await ndjsonOf(
      failing(),
      () => ({}),
      (error) => failed.push(error),
    );
    const [first, second, ...more] = (await new Response(stream).text()).trim().split("\n");
    expect([first, more]).toEqual(["1", []]);
    expect(JSON.parse(second ?? "")).toMatchObject({
      error: { status: 503, code: "shard_unavailable", detail: "Gone." },
    });
    expect(failed).toHaveLength(1);
  });

  // It holds the engine of this process between two lines.
  test.skipIf(behindGateway)("reach a client while the next is not known, and end when it goes away", async () => {
    const { source, openGate, over } = endless();
    const engine = http.engine as { searchStream: unknown };
    const real = engine.searchStream;
    engine.searchStream = () => source;
    const client = new AbortController();
    try {
      const answer = await fetch(`${http.base}/api/v1/search/stream?query=text`, { signal: client.signal });
      const chunk = await answer.body?.getReader().read();
      expect(textOf(chunk?.value)).toBe('{"line":0}\n');
    } finally {
      engine.searchStream = real;
    }
    client.abort();
    openGate();
    await over;
  });
});

// A gateway does not tell a function that its client has gone.
describe.skipIf(behindGateway)("what runs for a client that goes away before its answer is there, is told so", () => {
  const post = (body: object) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  test.each([
    ["search", "search", post({ query: "text" })],
    ["hybrid", "search/hybrid", post({ query: "text" })],
    ["searchStream", "search/stream?query=text", {}],
    ["sql", "search/sql", post({ sql: "SELECT 1" })],
  ] as const)("%s", async (method, path, request) => {
    const engine = http.engine as unknown as Record<string, unknown>;
    const real = engine[method];
    const begun = Promise.withResolvers<void>();
    const over = Promise.withResolvers<unknown>();
    const work = () =>
      new Promise<never>((_, reject) => {
        onAskerGone((error) => {
          over.resolve(error);
          reject(error);
        });
        begun.resolve();
      });
    engine[method] = method === "searchStream" ? () => ({ next: work }) : work;
    const leaving = new AbortController();
    try {
      const answer = fetch(`${http.base}/api/v1/${path}`, { ...request, signal: leaving.signal });
      const given = expect(answer).rejects.toThrow();
      await begun.promise;
      leaving.abort();
      await given;
      expect(await over.promise).toMatchObject({ code: "client_gone" });
    } finally {
      engine[method] = real;
    }
  });
});
