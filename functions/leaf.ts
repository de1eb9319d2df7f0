/** Searches the shards that a root asks it for. Knows nothing of HTTP, SQL or documents that are in no shard yet. */
import { systemClock, systemRandom } from "../src/base/index.ts";
import { LeafService, openLocalLeaves } from "../src/search/index.ts";
import { openStore } from "../src/store/index.ts";
import { currentReceipt } from "../src/telemetry/index.ts";
import { functionLogger, functionSettings } from "./settings.ts";

interface Context {
  readonly memoryLimitInMB: string;
}

const settings = functionSettings();
const tools = { logger: functionLogger(settings), clock: systemClock, random: systemRandom };
const store = await openStore(settings, { ...tools, currentReceipt });
const { leaves, files } = openLocalLeaves(settings, { ...tools, store });

export async function handler(call: unknown, { memoryLimitInMB }: Context): Promise<unknown> {
  const service = new LeafService({ leaves, files, clock: systemClock, memoryMb: Number(memoryLimitInMB) });
  return await service.answer(call);
}
