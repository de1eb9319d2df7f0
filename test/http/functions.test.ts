import { Writable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { type Context, gatewayHandler, streamingHandler } from "../../functions/http/handlers.ts";

const event = {
  rawPath: "/",
  rawQueryString: "",
  headers: {},
  requestContext: { domainName: "x.lambda-url.us-east-1.on.aws", http: { method: "GET" } },
  isBase64Encoded: false,
};

/** Lambda's runtime, as far as a function sees it. */
function inRuntime(): void {
  globalThis.awslambda = {
    streamifyResponse: (handler) => handler as never,
    HttpResponseStream: { from: (out) => out },
  };
  onTestFinished(() => {
    globalThis.awslambda = undefined;
  });
}

test("an answer that is read slowly leaves nothing behind at its stream with each line", async () => {
  inRuntime();
  const lines = Array.from({ length: 50 }, (_, at) => `line ${at}\n`);
  const handler = streamingHandler({
    fetch: () => new Response(ReadableStream.from(lines).pipeThrough(new TextEncoderStream())),
    settled: async () => undefined,
  }) as (given: typeof event, out: Writable, context: Context) => Promise<void>;
  let read = "";
  let most = 0;
  const out = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, done) => {
      read += chunk.toString();
      most = Math.max(most, out.listenerCount("close"), out.listenerCount("error"));
      setImmediate(done);
    },
  });
  await handler(event, out, { getRemainingTimeInMillis: () => 60_000 });
  expect(read).toBe(lines.join(""));
  expect(most).toBeLessThan(3);
});

test("an answer that is there is given in time, whatever is still at work behind it", async () => {
  const handler = gatewayHandler({
    fetch: () => new Response("the answer", { headers: { "content-type": "text/plain" } }),
    settled: () => new Promise<void>(() => undefined),
  });
  const answer = await handler(event, { getRemainingTimeInMillis: () => 2100 });
  expect(answer).toMatchObject({ statusCode: 200, body: "the answer" });
});
