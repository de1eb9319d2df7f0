import { MosaicError, systemClock, waitAtMost } from "../../src/base/index.ts";
import { problemResponse } from "../../src/http/index.ts";
import { answerOf, type GatewayAnswer, headOf } from "./gateway-answer.ts";
import { type GatewayEvent, requestOf } from "./gateway-event.ts";

/** What stands behind an address. */
export interface Service {
  fetch(request: Request): Response | Promise<Response>;
  /** Resolves when nothing that a request has begun is still running. */
  settled(): Promise<void>;
}

async function respond(service: Service, event: GatewayEvent): Promise<Response> {
  let request: Request;
  try {
    request = requestOf(event);
  } catch (cause) {
    const detail = "The request line or a header cannot be understood.";
    return problemResponse(new MosaicError("invalid", "read a request", { code: "invalid_request", detail, cause }));
  }
  return await service.fetch(request);
}

/** What Lambda hands a function beside the event. */
export interface Context {
  getRemainingTimeInMillis(): number;
}

/** What an answer needs to leave in time. */
const reserveMs = 2_000;

/**
 * The environment is frozen after the answer, so what a request has begun is finished before. What would cost the answer, a
 * fold that takes too long, goes on with the next request, or is begun anew by somebody else.
 */
async function settle(service: Service, context: Context): Promise<void> {
  const leftMs = context.getRemainingTimeInMillis() - reserveMs;
  if (leftMs > 0) await waitAtMost(systemClock, leftMs, service.settled());
}

/** Behind API Gateway. */
export function gatewayHandler(service: Service): (event: GatewayEvent, context: Context) => Promise<GatewayAnswer> {
  return async (event, context) => {
    try {
      const response = await respond(service, event);
      return await answerOf(event.requestContext.http.method === "HEAD" ? bodiless(response) : response);
    } finally {
      await settle(service, context);
    }
  };
}

const bodiless = ({ status, headers }: Response): Response => new Response(null, { status, headers });

/** Where Lambda's runtime lets a function answer piece by piece. */
interface StreamingRuntime {
  streamifyResponse(
    handler: (event: GatewayEvent, out: NodeJS.WritableStream, context: Context) => Promise<void>,
  ): (event: GatewayEvent) => Promise<void>;
  readonly HttpResponseStream: {
    from(out: NodeJS.WritableStream, head: object): NodeJS.WritableStream;
  };
}

declare global {
  var awslambda: StreamingRuntime | undefined;
}

/** Behind a function URL: each line leaves when it is known. */
export function streamingHandler(service: Service): (event: GatewayEvent) => Promise<void> {
  const runtime = globalThis.awslambda;
  if (runtime === undefined) throw new MosaicError("internal", "start", { detail: "This is not AWS Lambda." });
  return runtime.streamifyResponse(async (event, out, context) => {
    try {
      const response = await respond(service, event);
      const { headers, cookies } = headOf(response);
      const stream = runtime.HttpResponseStream.from(out, { statusCode: response.status, headers, cookies });
      await copy(event.requestContext.http.method === "HEAD" ? null : response.body, stream);
    } finally {
      await settle(service, context);
    }
  });
}

/** Writes as fast as the other side reads; a side that went away ends the source. */
async function copy(body: ReadableStream<Uint8Array> | null, out: NodeJS.WritableStream): Promise<void> {
  // The runtime sends nothing, not even the head, for a stream without a byte.
  out.write("");
  if (body !== null)
    for await (const chunk of body) {
      if (!out.write(chunk)) await drained(out);
    }
  const ended = Promise.withResolvers<void>();
  out.once("finish", ended.resolve).once("error", ended.reject);
  out.end();
  await ended.promise;
}

function drained(out: NodeJS.WritableStream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  out.once("drain", resolve).once("error", reject).once("close", resolve);
  return promise.finally(() => out.off("drain", resolve).off("error", reject).off("close", resolve));
}
