import { expect } from "vitest";
import { type Settings, systemClock, systemRandom } from "../../../src/base/index.ts";
import type { Embedder } from "../../../src/embedding/index.ts";
import { Mosaic } from "../../../src/engine/index.ts";
import { type RunningServer, startServer } from "../../../src/http/index.ts";
import { atEnd, testSettings } from "../../engine/support/engine.ts";
import { target } from "./gateway-server.ts";
import { startLambda } from "./lambda-server.ts";
import { letters } from "./letters.ts";
import { OpenApiCheck } from "./openapi-check.ts";
import { type Answer, callerOf, keptLog, type LogLine } from "./server.ts";

export interface RealServer {
  readonly engine: Mosaic;
  readonly server: RunningServer;
  readonly base: string;
  readonly lines: readonly LogLine[];
  readonly check: OpenApiCheck;
  /** Fails the test when the answer is not one that the OpenAPI document promises. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export { letters };

/** The HTTP surface over the real engine, on a free port, over a folder. Closed when the test is finished. */
export async function realServer(
  storagePath: string,
  settings: Partial<Settings> = {},
  embedder: Embedder | "by settings" = letters,
): Promise<RealServer> {
  const all = testSettings({ port: 0, storagePath, embeddingModel: "local", ...settings });
  const { logger, lines } = keptLog();
  const tools = { logger, clock: systemClock, random: systemRandom };
  const engine = await Mosaic.open(all, { ...tools, ...(embedder === "by settings" ? {} : { embedder }) });
  const server = await (target === "gateway"
    ? startLambda(all, embedder !== letters, lines)
    : startServer(engine, all, tools));
  atEnd(() => server.close());
  if (target === "gateway") atEnd(() => engine.close());
  const base = `http://127.0.0.1:${server.port}`;
  const raw = callerOf(base);
  const check = new OpenApiCheck((await raw("GET", "/openapi.json")).body);
  const call: RealServer["call"] = async (method, path, body, headers) => {
    const answer = await raw(method, path, body, headers);
    expect(check.fault(method, path, answer)).toBeUndefined();
    // A function leaves long work to another one; here to this process.
    if (target === "gateway" && answer.status === 202) await engine.workInBackground();
    return answer;
  };
  return { engine, server, base, lines, check, call };
}
