import {
  type Clock,
  type Logger,
  type Settings,
  settingsFrom,
  systemClock,
  systemRandom,
} from "../../../src/base/index.ts";
import type { RunningServer } from "../../../src/http/index.ts";
import { startTarget } from "./gateway-server.ts";
import { MemoryEngine } from "./memory-engine.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export function keptLog(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, message, fields });
    };
  return { lines, logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

export interface TestServer {
  readonly engine: MemoryEngine;
  readonly server: RunningServer;
  readonly base: string;
  readonly lines: LogLine[];
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into answers freely.
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what is being tested
  readonly body: any;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  return { status: response.status, headers: response.headers, body: isJson && text !== "" ? JSON.parse(text) : text };
}

/** A real server on a free port of this machine, or a gateway, over an engine in memory. */
export async function testServer(overrides: Partial<Settings> = {}, clock: Clock = systemClock): Promise<TestServer> {
  const engine = new MemoryEngine();
  const { logger, lines } = keptLog();
  const settings = settingsFrom({ port: 0, ...overrides }, {});
  const server = await startTarget(engine, settings, { logger, clock, random: systemRandom });
  const base = `http://127.0.0.1:${server.port}`;
  return { engine, server, base, lines, call: callerOf(base) };
}

/** Sends JSON, or text, bytes and streams as they are. */
export function callerOf(base: string): TestServer["call"] {
  return async (method, path, body, headers = {}) => {
    const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const init: RequestInit & { duplex?: "half" } = { method, headers: { ...type, ...headers } };
    if (body !== undefined) init.body = isRaw ? (body as NonNullable<RequestInit["body"]>) : JSON.stringify(body);
    if (body instanceof ReadableStream) init.duplex = "half";
    return answerOf(await fetch(base + path, init));
  };
}
