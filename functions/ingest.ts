/** Reads the files that S3 tells of by way of a queue. What is wrong with a file is told beside it; what is wrong otherwise comes back. */
import { systemClock, systemRandom } from "../src/base/index.ts";
import { Mosaic } from "../src/engine/index.ts";
import { QueueSender } from "./aws/queue.ts";
import { ingestBatch } from "./inbox/ingest-batch.ts";
import { type BatchAnswer, messageOf, placeOf, type QueueEvent } from "./inbox/queue-event.ts";
import { functionLogger, functionSettings } from "./settings.ts";

interface Context {
  getRemainingTimeInMillis(): number;
}

const settings = functionSettings();
const logger = functionLogger(settings);
const engine = await Mosaic.open(settings, { logger, clock: systemClock, random: systemRandom });
const place = placeOf(settings.storagePath);
const queue = new QueueSender(settings.ingestQueueUrl);

export async function handler(event: QueueEvent, context: Context): Promise<BatchAnswer> {
  const parts = {
    place,
    take: (key: string, remainingMs: () => number) => engine.inbox.take(key, remainingMs),
    again: (key: string) => queue.send(messageOf(key, place)),
    reserveMs: settings.inboxReserveMs,
    logger,
  };
  const answer = await ingestBatch(event.Records, parts, () => context.getRemainingTimeInMillis());
  queue.close();
  // Nothing runs once the answer is given.
  await engine.settled();
  return answer;
}
