/** On a schedule: what nobody else has come to, over all tenants, until time is up. */
import { systemClock, systemRandom } from "../src/base/index.ts";
import { Mosaic } from "../src/engine/index.ts";
import { queueSender } from "./aws/queue.ts";
import { messageOf, placeOf } from "./inbox/queue-event.ts";
import { functionLogger, functionSettings } from "./settings.ts";

interface Context {
  getRemainingTimeInMillis(): number;
}

const settings = functionSettings();
const logger = functionLogger(settings);
const send = queueSender(settings.ingestQueueUrl);

export async function handler(_event: unknown, context: Context): Promise<unknown> {
  // Opened for each run: jobs that are under way when time is up are put down by closing it.
  const engine = await Mosaic.open(settings, { logger, clock: systemClock, random: systemRandom });
  try {
    const report = await engine.maintain({
      remainingMs: () => context.getRemainingTimeInMillis(),
      handOn: (key) => send(messageOf(key, placeOf(settings.storagePath))),
    });
    logger.info("maintained", { ...report });
    return report;
  } finally {
    await engine.close();
  }
}
