import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/base/index.ts";
import { openEmbedder } from "../../src/embedding/index.ts";
import { settings } from "./support.ts";

interface Asked {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: { model: string; input: string[] };
}
interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

const key = "sk-very-secret";
let server: Server;
let url: string;
let asked: Asked[];
let pauses: number[];
/** The first requests get these; the others a proper answer. */
let answers: Answer[];

/** Not of unit length, and in the wrong order, as an endpoint may. */
const proper = (input: readonly string[]): Answer => ({
  body: {
    data: input.map((text, index) => ({ index, embedding: [3 * text.length, 4 * text.length, 0] })).toReversed(),
  },
});

const clock: Clock = {
  ...systemClock,
  sleep: (ms) => {
    pauses.push(ms);
    return Promise.resolve();
  },
};

const open = () =>
  openEmbedder(
    { ...settings, embeddingModel: "openai:test-model", embeddingUrl: url, embeddingApiKey: key },
    { clock },
  );

beforeEach(async () => {
  [asked, pauses, answers] = [[], [], []];
  server = createServer(async (request, response) => {
    const body = (await json(request)) as Asked["body"];
    asked.push({ path: request.url, headers: request.headers, body });
    const answer = answers.shift() ?? proper(body.input);
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe("openai embedder", () => {
  test("posts model and texts with the key, and gives unit vectors in the order of the texts", async () => {
    const embedder = open();
    expect([embedder.model, embedder.dimensions]).toEqual(["openai:test-model", undefined]);
    const vectors = await embedder.embed(["a", "bb"]);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ path: "/v1/embeddings", headers: { authorization: `Bearer ${key}` } });
    expect(asked[0]!.body).toEqual({ model: "test-model", input: ["a", "bb"] });
    expect(vectors).toEqual([new Float32Array([0.6, 0.8, 0]), new Float32Array([0.6, 0.8, 0])]);
    expect(embedder.dimensions).toBe(3);
  });

  test("sends at most 64 texts at a time, and no empty one", async () => {
    expect(await open().embed(Array<string>(130).fill(""))).toHaveLength(130);
    expect(asked.map(({ body }) => body.input.length)).toEqual([64, 64, 2]);
    expect(asked[0]!.body.input[0]).toBe(" ");
  });

  test("waits as long as a busy endpoint asks, and then succeeds", async () => {
    answers = [{ status: 429, headers: { "retry-after": "7" } }, { status: 503 }];
    expect(await open().embed(["x"])).toHaveLength(1);
    expect(pauses).toEqual([7000, 1000]);
  });

  test("gives up after four attempts, or at once when asked to wait for minutes", async () => {
    answers = Array<Answer>(4).fill({ status: 500 });
    await expect(open().embed(["x"])).rejects.toMatchObject({ kind: "unavailable", code: "embedding_unavailable" });
    expect(pauses).toEqual([500, 1000, 2000]);
    answers = [{ status: 429, headers: { "retry-after": "120" } }];
    await expect(open().embed(["x"])).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 120_000 });
    expect(asked).toHaveLength(5);
  });

  test("a refused key is not tried again, and is shown nowhere", async () => {
    answers = [{ status: 401, body: { error: { message: `Incorrect API key provided: ${key}` } } }];
    const error: unknown = await open()
      .embed(["x"])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: "unavailable", code: "embedding_denied" });
    expect(asked).toHaveLength(1);
    const { message, stack, hint, detail } = error as Error & { hint: string; detail: string };
    expect(JSON.stringify([error, message, stack, hint, detail])).not.toContain(key);
  });

  test("a refused text is the caller's to change", async () => {
    answers = [{ status: 400 }];
    await expect(open().embed(["x"])).rejects.toMatchObject({ kind: "invalid", code: "embedding_rejected" });
  });

  test.for([
    ["too few vectors", { data: [{ index: 0, embedding: [1] }] }],
    ["vectors of different lengths", { data: [{ embedding: [1, 2] }, { embedding: [1] }] }],
    [
      "two vectors for one text",
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 0, embedding: [1] },
        ],
      },
    ],
    [
      "an index of no text",
      {
        data: [
          { index: 0, embedding: [1] },
          { index: 9, embedding: [1] },
        ],
      },
    ],
    ["text for numbers", { data: [{ embedding: ["1"] }, { embedding: [1] }] }],
    ["no direction", { data: [{ embedding: [0, 0] }, { embedding: [0, 1] }] }],
    ["no data", { object: "list" }],
    ["no JSON", "<html>"],
  ] as const)("%s: the reply is refused", async ([, body]) => {
    answers = [{ body }];
    await expect(open().embed(["a", "b"])).rejects.toMatchObject({ kind: "unavailable", code: "embedding_bad_reply" });
  });

  test("a model that changes its length is noticed", async () => {
    const embedder = open();
    await embedder.embed(["a"]);
    answers = [{ body: { data: [{ embedding: [1, 2] }] } }];
    await expect(embedder.embed(["a"])).rejects.toMatchObject({ code: "embedding_bad_reply" });
  });

  test("nobody listening is `unavailable` after the retries", async () => {
    const embedder = open();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(embedder.embed(["x"])).rejects.toMatchObject({ kind: "unavailable", hint: "check EMBEDDING_URL" });
    expect(pauses).toHaveLength(3);
  });

  test("an endpoint that never answers is given up after 30 s, on the injected clock", async () => {
    server.removeAllListeners("request");
    const hasty: Clock = { ...clock, schedule: (ms, task) => systemClock.schedule(ms === 30_000 ? 20 : ms, task) };
    const embedder = openEmbedder({ ...settings, embeddingModel: "openai:m", embeddingUrl: url }, { clock: hasty });
    await expect(embedder.embed(["x"])).rejects.toMatchObject({ detail: expect.stringContaining("within 30 s") });
  });

  test("aborting and closing stop a request under way", async () => {
    server.removeAllListeners("request");
    const abort = new AbortController();
    const embedder = open();
    const [aborted, closed] = [embedder.embed(["x"], abort.signal), embedder.embed(["y"])];
    const refused = expect(closed).rejects.toMatchObject({ name: "AbortError" });
    abort.abort(new Error("client went away"));
    await expect(aborted).rejects.toThrow("client went away");
    await embedder.close();
    await refused;
  });
});
