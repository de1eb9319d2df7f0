import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What the runtime client of one environment tells. */
export interface RuntimeEvents {
  /** It waits for a call; the first time, initialisation is over. */
  onNext(): void;
  onAnswer(id: string, body: Buffer): void;
  onError(id: string, body: Buffer): void;
  onInitError(body: Buffer): void;
  /** An answer that comes in pieces begins. */
  onStream(id: string, answer: IncomingMessage): void;
}

const answerPath = /\/runtime\/invocation\/([^/]+)\/(response|error)$/;

/** The Runtime API of AWS Lambda (version 2018-06-01) for one environment, on a port of its own. */
export class RuntimeApi {
  readonly #server: Server;
  readonly #events: RuntimeEvents;
  #waiting: ServerResponse | undefined;
  /** A call that came before the client asked for it. */
  #early: (() => void) | undefined;

  constructor(events: RuntimeEvents) {
    this.#events = events;
    this.#server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (request, response) => {
      this.#take(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Hands a call to the client, when it waits for one. */
  deliver(payload: Buffer, headers: Readonly<Record<string, string>>): void {
    if (this.#waiting === undefined) {
      this.#early = () => this.deliver(payload, headers);
      return;
    }
    this.#waiting.writeHead(200, { "content-type": "application/json", ...headers }).end(payload);
    this.#waiting = undefined;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (path.endsWith("/runtime/invocation/next")) {
      this.#waiting = response;
      this.#events.onNext();
      this.#early?.();
      this.#early = undefined;
      return;
    }
    const [, id = "", kind] = answerPath.exec(path) ?? [];
    const streams = request.headers["lambda-runtime-function-response-mode"] === "streaming";
    if (kind === "response" && streams) {
      this.#events.onStream(id, request);
      await once(request, "close");
      return void response.writeHead(202).end();
    }
    const body = await buffer(request);
    response.writeHead(kind === undefined && !path.endsWith("/init/error") ? 404 : 202).end('{"status":"OK"}');
    if (kind === "response") this.#events.onAnswer(id, body);
    else if (kind === "error") this.#events.onError(id, body);
    else if (path.endsWith("/init/error")) this.#events.onInitError(body);
  }
}
