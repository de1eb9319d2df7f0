/** On a schedule: what nobody else has come to, over all tenants, until time is up. Called for a job: that job. */
import { isMosaicError, systemClock, systemRandom } from "../src/base/index.ts";
import { Mosaic } from "../src/engine/index.ts";
import { QueueSender } from "./aws/queue.ts";
import { messageOf, placeOf } from "./inbox/queue-event.ts";
import { jobOf } from "./jobs/job-event.ts";
import { functionLogger, functionSettings } from "./settings.ts";

interface Context {
  getRemainingTimeInMillis(): number;
}

const settings = functionSettings();
const logger = functionLogger(settings);
const queue = new QueueSender(settings.ingestQueueUrl);

export async function handler(event: unknown, context: Context): Promise<unknown> {
  const remainingMs = (): number => context.getRemainingTimeInMillis();
  const job = jobOf(event);
  // Opened for each run: jobs that are under way when time is up are put down by closing it.
  const engine = await Mosaic.open(settings, { logger, clock: systemClock, random: systemRandom });
  try {
    if (job !== undefined) return await doJob(engine, job, remainingMs);
    const report = await engine.maintain({
      remainingMs,
      handOn: (key) => queue.send(messageOf(key, placeOf(settings.storagePath))),
    });
    logger.info("maintained", { ...report });
    return report;
  } finally {
    queue.close();
    await engine.close();
  }
}

async function doJob(
  engine: Mosaic,
  { tenant, id }: NonNullable<ReturnType<typeof jobOf>>,
  remainingMs: () => number,
): Promise<unknown> {
  try {
    await engine.doJob(tenant, id, remainingMs);
    const { kind, status } = await engine.job(tenant, id);
    logger.info("did a job", { id, kind, status });
    return { id, status };
  } catch (error) {
    // It was over, and forgotten, before its call came.
    if (isMosaicError(error, "not_found")) return { id, status: "gone" };
    throw error;
  }
}
