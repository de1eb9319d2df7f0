import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { systemClock } from "../../../src/base/index.ts";

/** What API Gateway (HTTP API, payload 2.0) and function URLs hand to a function. */
export interface GatewayEvent {
  readonly version: "2.0";
  readonly routeKey: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly requestId: string;
    readonly domainName: string;
    readonly stage: string;
    readonly timeEpoch: number;
    readonly http: {
      readonly method: string;
      readonly path: string;
      readonly protocol: string;
      readonly sourceIp: string;
      readonly userAgent: string;
    };
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** Such bodies arrive as text, all others in base64. */
const textual = /^(text\/|application\/(json|javascript|xml|[^;]*\+json|[^;]*\+xml|x-www-form-urlencoded))/;

/** Who hands it over: the gateway has decoded the path, a function URL leaves it as it came. */
export type Front = "gateway" | "function URL";

export function gatewayEvent(request: IncomingMessage, body: Buffer, front: Front): GatewayEvent {
  const [path = "/", query = ""] = (request.url ?? "/").split(/\?(.*)/s);
  const headers = headersOf(request);
  const isText = textual.test(headers["content-type"] ?? "text/") && isUtf8(body);
  const rawPath = front === "gateway" ? decoded(path) : path;
  const parameters = parametersOf(query);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString: query,
    ...(request.headers.cookie === undefined ? {} : { cookies: request.headers.cookie.split(/; ?/) }),
    headers,
    ...(parameters === undefined ? {} : { queryStringParameters: parameters }),
    requestContext: {
      requestId: randomUUID(),
      domainName: `local.${front === "gateway" ? "execute-api" : "lambda-url"}.us-east-1.on.aws`,
      stage: "$default",
      timeEpoch: systemClock.now(),
      http: {
        method: request.method ?? "GET",
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
    },
    ...(body.length === 0 ? {} : { body: isText ? body.toString("utf8") : body.toString("base64") }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** Names in lower case; a header that came more than once as one, with commas. */
function headersOf(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] as string).toLowerCase();
    const value = request.rawHeaders[at + 1] as string;
    if (name === "cookie") continue;
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return headers;
}

function parametersOf(query: string): Record<string, string> | undefined {
  if (query === "") return undefined;
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value;
  }
  return parameters;
}

/** As the gateway does it: everything is decoded, and what comes after a `?` that was hidden is lost. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path).split("?")[0] ?? "/";
  } catch {
    return path;
  }
}

const isUtf8 = (body: Buffer): boolean => Buffer.from(body.toString("utf8"), "utf8").equals(body);
