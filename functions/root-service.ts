import { type Settings, systemClock, systemRandom } from "../src/base/index.ts";
import { Mosaic, type OpenOptions } from "../src/engine/index.ts";
import { createApp } from "../src/http/index.ts";
import { openStore } from "../src/store/index.ts";
import { currentReceipt } from "../src/telemetry/index.ts";
import { jobCaller } from "./aws/job-caller.ts";
import type { Service } from "./http/handlers.ts";
import { rootMachinery } from "./root-machinery.ts";
import { functionLogger } from "./settings.ts";

/** The API over an engine of this environment. Long work is left to `maintain`, which is called for it. */
export async function rootService(settings: Settings, options: OpenOptions = {}): Promise<Service> {
  const tools = { logger: functionLogger(settings), clock: systemClock, random: systemRandom };
  const store = await openStore(settings, { ...tools, currentReceipt });
  const machinery = rootMachinery(settings, { ...tools, store });
  const leaveJob = jobCaller(settings.maintainFunctionName, tools.logger);
  const engine = await Mosaic.open(settings, { ...tools, store, machinery, leaveJob, ...options });
  const app = createApp(engine, settings, tools);
  return { fetch: (request) => app.fetch(request), settled: () => engine.settled() };
}
