import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { type Clock, errorFields, MosaicError, type Settings } from "../base/index.ts";
import type { Engine } from "../engine/index.ts";
import { isLoopback, isOpen } from "./access.ts";
import { createApp } from "./app.ts";
import type { Tools } from "./operation.ts";
import { problemResponse, RequestError } from "./problem.ts";

export interface RunningServer {
  /** For people: `http://localhost:4040`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, finishes the requests under way (at most ten seconds of them), then closes the engine. */
  close(): Promise<void>;
}

const finishMs = 10_000;
/** A connection on which nothing moves for this long is given up. A stream may last as long as it moves. */
const idleMs = 300_000;

/** Without keys anyone who reaches the port may read and delete everything: only this machine may reach it. */
export function assertMayBind(settings: Settings): void {
  const { host, allowOpen } = settings;
  if (!isOpen(settings) || allowOpen || isLoopback(host)) return;
  throw new MosaicError("invalid", "bind the server", {
    code: "open_server",
    detail: `Without keys the server binds only to this machine, not to ${host}.`,
    hint: "set MOSAIC_API_KEYS or MOSAIC_STORED_KEYS=1, or MOSAIC_ALLOW_OPEN=1 if whoever reaches the port may do everything",
  });
}

const badRequest = (cause: unknown): RequestError =>
  new RequestError("invalid", "invalid_request", "The request line or a header cannot be understood.", { cause });

/** What never becomes a Request (an impossible Host or address) never reaches the app: it is answered here. */
const answerUnreadable = ({ clock, random, logger }: Tools) =>
  function answer(error: unknown): Response {
    const requestId = random.id(clock.now());
    logger.debug("unreadable request", { request_id: requestId, ...errorFields(error) });
    const response = problemResponse(badRequest(error));
    response.headers.set("x-request-id", requestId);
    return response;
  };

/** What is not even HTTP. */
const answerGarbage = ({ clock, random }: Tools) =>
  function answer(error: Error & { readonly code?: string }, socket: Duplex): void {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const body = `{"type":"/docs#invalid_request","title":"Invalid request","status":400,"code":"invalid_request","detail":"This is not HTTP."}`;
    const head = [
      "HTTP/1.1 400 Bad Request",
      "Content-Type: application/problem+json",
      `X-Request-Id: ${random.id(clock.now())}`,
    ];
    socket.end([...head, "Connection: close", `Content-Length: ${body.length}`, "", body].join("\r\n"));
  };

function listening(server: Server, { port, host }: Settings): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once("error", (cause: NodeJS.ErrnoException) => {
    const inUse = cause.code === "EADDRINUSE";
    const detail = inUse
      ? `Port ${port} on ${host} is in use.`
      : `Cannot listen on ${host}:${port} (${cause.code ?? "unknown"}).`;
    const hint = inUse
      ? "stop the other program, or set PORT to another port"
      : "set HOST and PORT to an address of this machine";
    reject(
      new MosaicError("invalid", "bind the server", {
        code: inUse ? "port_in_use" : "cannot_listen",
        detail,
        hint,
        cause,
      }),
    );
  });
  server.listen(port, host, () => resolve(server.address() as AddressInfo));
  return promise;
}

/** Closes the server once its requests are answered; what is not after `finishMs` is cut. */
function closing(server: Server, inFlight: ReadonlySet<ServerResponse>, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.schedule(finishMs, () => server.closeAllConnections());
  // Otherwise the client would keep the connection for its next request.
  for (const response of inFlight) response.shouldKeepAlive = false;
  server.close(() => {
    cancel();
    resolve();
  });
  return promise;
}

const nameOf = (host: string): string => (isLoopback(host) || host === "0.0.0.0" || host === "::" ? "localhost" : host);

/** Serves the API over HTTP. Throws `invalid` when it may not or cannot listen where the settings say. */
export async function startServer(engine: Engine, settings: Settings, tools: Tools): Promise<RunningServer> {
  assertMayBind(settings);
  const listener = getRequestListener(createApp(engine, settings, tools).fetch, {
    errorHandler: answerUnreadable(tools),
  });
  const inFlight = new Set<ServerResponse>();
  const server = createServer({ requestTimeout: 0 }, (request: IncomingMessage, response: ServerResponse) => {
    inFlight.add(response);
    response.once("close", () => inFlight.delete(response));
    void listener(request, response);
  });
  server.timeout = idleMs;
  server.on("clientError", answerGarbage(tools));
  const { port } = await listening(server, settings);
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await closing(server, inFlight, tools.clock);
    await engine.close();
  };
  return {
    url: `http://${nameOf(settings.host)}:${port}`,
    port,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
