/**
 * http: the API on the wire.
 * Answers: who calls, is the request valid, which of the engine's methods serves it, how does the answer look?
 * Owns: the running server, if one is started; the OpenAPI document.
 * Never: knows of shards or storage; keeps anything between two requests.
 */
import type { Settings } from "../base/index.ts";
import type { Engine } from "../engine/index.ts";
import type { Tools } from "./operation.ts";
import type { RunningServer } from "./serve.ts";

export { createApp, operations } from "./app.ts";
export type { Tools } from "./operation.ts";
export { problemResponse } from "./problem.ts";
export type { RunningServer } from "./serve.ts";

/** Loaded when called: behind a function there is no Node server, nor the time to load one. */
export async function startServer(engine: Engine, settings: Settings, tools: Tools): Promise<RunningServer> {
  const { startServer: start } = await import("./serve.ts");
  return start(engine, settings, tools);
}
