import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { limits } from "../lambda/function-spec.ts";
import type { Invoked } from "../lambda/invocation.ts";
import { sendAnswer, sendMessage } from "./answer.ts";
import { gatewayEvent } from "./event.ts";

export type StreamingIntegration = (payload: Buffer, onStream: (answer: IncomingMessage) => void) => Promise<Invoked>;

const structuredType = "application/vnd.awslambda.http-integration-response";
/** Ends the head of a streamed answer: its status and headers, as JSON. */
const headEnd = Buffer.alloc(8);

/** A function URL with the invoke mode RESPONSE_STREAM. */
export function functionUrl(integration: StreamingIntegration): Server {
  return createServer({ requestTimeout: 0 }, (request, response) => {
    serve(integration, request, response).catch(() => sendMessage(response, 500, "Internal Server Error"));
  });
}

async function serve(
  integration: StreamingIntegration,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const event = gatewayEvent(request, body, "function URL");
  const payload = Buffer.from(JSON.stringify(event));
  if (payload.length > limits.syncBytes) return sendMessage(response, 413, "Request Entity Too Large");
  const invoked = await integration(payload, (answer) => {
    passOn(answer, response).catch(() => response.destroy());
  });
  if (invoked.outcome.kind === "streamed") return;
  // It broke off in the middle: so does the answer.
  if (response.headersSent) response.destroy();
  else sendAnswer(response, invoked, event.requestContext.requestId);
}

async function passOn(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  let head: Buffer | undefined = Buffer.alloc(0);
  if (answer.headers["content-type"] !== structuredType) {
    response.writeHead(200, { "content-type": answer.headers["content-type"] ?? "application/octet-stream" });
    head = undefined;
  }
  for await (const chunk of answer) {
    if (head === undefined) {
      response.write(chunk as Buffer);
      continue;
    }
    head = Buffer.concat([head, chunk as Buffer]);
    const end = head.indexOf(headEnd);
    if (end < 0) continue;
    sendHead(response, head.subarray(0, end));
    const rest = head.subarray(end + headEnd.length);
    if (rest.length > 0) response.write(rest);
    head = undefined;
  }
  response.end();
}

interface Head {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
}

function sendHead(response: ServerResponse, json: Buffer): void {
  const { statusCode = 200, headers = {}, cookies = [] } = JSON.parse(json.toString()) as Head;
  response.writeHead(statusCode, { ...headers, ...(cookies.length === 0 ? {} : { "set-cookie": [...cookies] }) });
  response.flushHeaders();
}
