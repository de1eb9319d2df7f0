import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Clock, MosaicError, systemClock } from "../../src/base/index.ts";
import { behindGateway } from "./support/gateway-server.ts";
import { type Answer, type TestServer, testServer } from "./support/server.ts";

const type = { "content-type": "application/x-ndjson" };
const waited: number[] = [];
const quickClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => {
    waited.push(ms);
    return systemClock.sleep(1, signal);
  },
};

let http: TestServer;
beforeAll(async () => {
  http = await testServer({ maxBodyBytes: 2000, maxBatchDocs: 100 }, quickClock);
});
afterAll(() => http.server.close());
beforeEach(() => {
  http.engine.tenantsByName.clear();
  http.engine.putManySizes.length = 0;
  http.engine.before = () => {};
  waited.length = 0;
});

const send = (body: string | Uint8Array | ReadableStream, headers: Record<string, string> = {}): Promise<Answer> =>
  http.call("POST", "/api/v1/documents/batch", body, { ...type, ...headers });
const stored = (): string[] => [
  ...(http.engine.tenantsByName.get("default")?.get("documents")?.documents.keys() ?? []),
];
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `{"id":"d${i}","text":"text ${i}"}\n`).join("");

describe("a stream of lines", () => {
  test("of 5,000 documents, far over MAX_BODY_BYTES, is stored in groups of at most MAX_BATCH_DOCS", async () => {
    const answer = await send(lines(5000));
    expect(answer.body).toEqual({ accepted: 5000, errors: [] });
    expect(stored()).toHaveLength(5000);
    expect(Math.max(...http.engine.putManySizes)).toBeLessThanOrEqual(100);
  });

  test("reports each bad line by its place and stores the others", async () => {
    const body = Buffer.concat([
      Buffer.from('{"id":"0","text":"a"}\n\n{"id":"2",\n   \r\n{"id":"4","text":5}\n{"id":"5","text":"'),
      Buffer.from([0xff]),
      Buffer.from(
        `"}\n{"id":"6","text":"${"x".repeat(3000)}"}\r\n{"id":"7","text":"b"}\r\n[1]\n{"id":"9","text":"no newline at the end"}`,
      ),
    ]);
    const answer = await send(body);
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(3);
    expect(answer.body.errors.map(({ index, code }: { index: number; code: string }) => [index, code])).toEqual([
      [2, "malformed_json"],
      [4, "invalid_field"],
      [5, "invalid_utf8"],
      [6, "line_too_large"],
      [8, "invalid_field"],
    ]);
    expect(stored()).toEqual(["0", "7", "9"]);
  });

  test("may be cut anywhere: one byte at a time gives the same", async () => {
    const bytes = new TextEncoder().encode(`{"id":"ü€😀","text":"a"}\r\n\n{"id":"b","text":"c"}`);
    const trickle = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect((await send(trickle)).body).toEqual({ accepted: 2, errors: [] });
    expect(stored()).toEqual(["ü€😀", "b"]);
  });

  test("may be zipped", async () => {
    const answer = await send(gzipSync(lines(500)), { "content-encoding": "gzip" });
    expect(answer.body).toEqual({ accepted: 500, errors: [] });
  });

  test("of nothing stores nothing", async () => {
    expect((await send("\n\n")).body).toEqual({ accepted: 0, errors: [] });
    expect(http.engine.putManySizes).toEqual([]);
  });

  // The gateway hands a body over when it has all of it.
  test.skipIf(behindGateway)("is read only as fast as it is written", async () => {
    // A server of its own: what this one has buffered is stored after the client has left.
    const own = await testServer({ maxBodyBytes: 2000, maxBatchDocs: 100 });
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await systemClock.sleep(1);
        pulled++;
        controller.enqueue(new TextEncoder().encode(lines(1000)));
      },
    });
    const abort = new AbortController();
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const { promise: release, resolve: go } = Promise.withResolvers<void>();
    own.engine.before = async () => {
      resolve();
      await release;
    };
    const init: RequestInit & { duplex: "half" } = {
      method: "POST",
      headers: type,
      body: endless,
      duplex: "half",
      signal: abort.signal,
    };
    const sent = fetch(`${own.base}/api/v1/documents/batch`, init).catch(() => undefined);
    await reached;
    // What the sockets hold is in flight; nothing more is taken while the write waits. However busy the machine: a reader
    // without bounds would take all of it for as long as this looks.
    let before = -1;
    for (let look = 0; look < 40 && before !== pulled; look++) {
      before = pulled;
      await systemClock.sleep(500);
    }
    expect(pulled).toBe(before);
    abort.abort();
    go();
    await sent;
    await own.server.close();
  });
});

describe("an engine that asks to wait", () => {
  const busy = (): never => {
    throw new MosaicError("unavailable", "write", { detail: "Too many writes.", retryAfterMs: 250 });
  };

  test("is waited for, and nothing is lost", async () => {
    let left = 3;
    http.engine.before = (method) => (method === "putMany" && left-- > 0 ? busy() : undefined);
    expect((await send(lines(150))).body).toEqual({ accepted: 150, errors: [] });
    expect(waited).toEqual([250, 250, 250]);
  });

  test("gives 503 with Retry-After to a single write", async () => {
    http.engine.before = busy;
    const answer = await http.call("POST", "/api/v1/documents", { text: "t" });
    expect([answer.status, answer.body.code, answer.headers.get("retry-after")]).toEqual([503, "unavailable", "1"]);
  });
});

test("a stream that fails half way says what was stored and where to go on", async () => {
  let left = 1;
  http.engine.before = (method) => {
    if (method === "putMany" && left-- <= 0)
      throw new MosaicError("unavailable", "write", { detail: "The storage is away." });
  };
  const answer = await send(`nonsense\n${lines(150)}`);
  expect([answer.status, answer.body.code]).toEqual([503, "unavailable"]);
  const { accepted, next_index, errors } = answer.body;
  expect(accepted).toBe(stored().length);
  expect(next_index).toBe(accepted + 1);
  expect(errors).toEqual([expect.objectContaining({ index: 0, code: "malformed_json" })]);
});
