import type { ServerResponse } from "node:http";
import type { Invoked } from "../lambda/invocation.ts";

/** What a function answers to a gateway event. */
interface Structured {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/** Passes a function's answer on as an HTTP response. */
export function sendAnswer(response: ServerResponse, invoked: Invoked, requestId: string): void {
  const { outcome } = invoked;
  const answer = outcome.kind === "answer" ? structured(outcome.body) : undefined;
  if (outcome.kind === "refused") sendMessage(response, 503, "Service Unavailable");
  else if (answer === undefined) sendMessage(response, 500, "Internal Server Error");
  else send(response, answer, requestId);
}

function send(response: ServerResponse, answer: Structured, requestId: string): void {
  const body = Buffer.from(answer.body ?? "", answer.isBase64Encoded === true ? "base64" : "utf8");
  const headers: Record<string, string | string[]> = { "content-type": "text/plain;charset=UTF-8" };
  for (const [name, value] of Object.entries(answer.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (answer.cookies !== undefined && answer.cookies.length > 0) headers["set-cookie"] = [...answer.cookies];
  if (response.req.method !== "HEAD") headers["content-length"] = String(body.length);
  response.writeHead(answer.statusCode, { ...headers, "apigw-requestid": requestId }).end(body);
}

/** The gateway's own words, in its own form. */
export function sendMessage(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
}

function structured(body: Buffer): Structured | undefined {
  try {
    const value = JSON.parse(body.toString()) as unknown;
    if (typeof value === "object" && value !== null && "statusCode" in value) return value as Structured;
    return { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
  } catch {
    return undefined;
  }
}
