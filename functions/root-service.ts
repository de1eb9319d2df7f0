import { type Settings, systemClock, systemRandom } from "../src/base/index.ts";
import { Mosaic, type OpenOptions } from "../src/engine/index.ts";
import { createApp } from "../src/http/index.ts";
import type { Service } from "./http/handlers.ts";
import { functionLogger } from "./settings.ts";

/** The API over an engine of this environment. Long work is left to `maintain`. */
export async function rootService(settings: Settings, options: OpenOptions = {}): Promise<Service> {
  const tools = { logger: functionLogger(settings), clock: systemClock, random: systemRandom };
  const engine = await Mosaic.open(settings, { ...tools, jobs: "elsewhere", ...options });
  const app = createApp(engine, settings, tools);
  return { fetch: (request) => app.fetch(request), settled: () => engine.settled() };
}
