import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { limits } from "./function-spec.ts";
import type { Invoked } from "./invocation.ts";
import type { LocalLambda } from "./local-lambda.ts";

const path = /^\/2015-03-31\/functions\/([^/]+)\/invocations/;
/** A call that nobody waits for is made up to three times. */
const mostAttempts = 3;

/** The Invoke API that AWS's SDK speaks, in front of local functions. */
export function invokeApi(lambdaOf: () => LocalLambda, onLost: (name: string, payload: Buffer) => void): Server {
  return createServer({ requestTimeout: 0 }, (request, response) => {
    answer(lambdaOf(), onLost, request, response).catch(() => response.destroy());
  });
}

async function answer(
  lambda: LocalLambda,
  onLost: (name: string, payload: Buffer) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, encoded] = path.exec(request.url ?? "") ?? [];
  const body = await buffer(request);
  const payload = body.length === 0 ? Buffer.from("{}") : body;
  const name = nameOf(decodeURIComponent(encoded ?? ""));
  const waits = request.headers["x-amz-invocation-type"] !== "Event";
  const most = waits ? limits.syncBytes : limits.eventBytes;
  if (!lambda.names.includes(name))
    return refuse(response, 404, "ResourceNotFoundException", `Function not found: ${name}`);
  if (payload.length > most) {
    const message = `${payload.length} byte payload is too large (limit ${most} bytes)`;
    return refuse(response, 413, "RequestTooLargeException", message);
  }
  if (waits) return send(response, await lambda.invoke(name, payload));
  response.writeHead(202, headers()).end();
  if (!(await succeeds(lambda, name, payload))) onLost(name, payload);
}

async function succeeds(lambda: LocalLambda, name: string, payload: Buffer): Promise<boolean> {
  for (let attempt = 0; attempt < mostAttempts; attempt++)
    if ((await lambda.invoke(name, payload)).outcome.kind === "answer") return true;
  return false;
}

function send(response: ServerResponse, { outcome, report }: Invoked): void {
  if (outcome.kind === "refused") {
    refuse(response, outcome.status, outcome.errorType, outcome.message);
    return;
  }
  const more = { "x-amz-executed-version": "$LATEST", "x-mosaic-init-ms": String(Math.round(report?.initMs ?? 0)) };
  if (outcome.kind === "fault") {
    response.writeHead(200, { ...headers(), ...more, "x-amz-function-error": "Unhandled" }).end(outcome.body);
  } else response.writeHead(200, { ...headers(), ...more }).end(outcome.kind === "answer" ? outcome.body : "null");
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  response
    .writeHead(status, { ...headers(), "x-amzn-errortype": type })
    .end(JSON.stringify({ Type: "User", Message: message, message }));
}

const headers = (): Record<string, string> => ({
  "content-type": "application/json",
  "x-amzn-requestid": randomUUID(),
});

/** A function is named by its name, or by its ARN, with or without a version. */
const nameOf = (given: string): string => /function:([^:]+)/.exec(given)?.[1] ?? (given.split(":")[0] as string);
