import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { systemClock } from "../../../src/base/index.ts";
import { limits } from "../lambda/function-spec.ts";
import type { Invoked } from "../lambda/invocation.ts";
import { sendAnswer, sendMessage } from "./answer.ts";
import { gatewayEvent } from "./event.ts";

export type Integration = (payload: Buffer) => Promise<Invoked>;

/** API Gateway's HTTP API in front of one function: payload 2.0, 10 MB bodies, 30 seconds. */
export function httpApi(integration: Integration): Server {
  return createServer({ requestTimeout: 0 }, (request, response) => {
    serve(integration, request, response).catch(() => sendMessage(response, 500, "Internal Server Error"));
  });
}

async function serve(integration: Integration, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  if (body.length > limits.gatewayBytes) return sendMessage(response, 413, "Request Entity Too Large");
  const event = gatewayEvent(request, body, "gateway");
  const payload = Buffer.from(JSON.stringify(event));
  // What doesn't fit into a call never reaches the function.
  if (payload.length > limits.syncBytes) return sendMessage(response, 413, "Request Entity Too Large");
  const cancel = systemClock.schedule(limits.gatewayMs, () => sendMessage(response, 503, "Service Unavailable"));
  const invoked = await integration(payload);
  cancel();
  if (!response.headersSent) sendAnswer(response, invoked, event.requestContext.requestId);
}
