import { asMosaicError, errorFields, type Logger } from "../../src/base/index.ts";
import type { Taken } from "../../src/engine/index.ts";
import { type BatchAnswer, keysOf, type Place, type QueueRecord } from "./queue-event.ts";

export interface IngestParts {
  readonly place: Place;
  readonly take: (key: string, remainingMs: () => number) => Promise<Taken>;
  /** Hands a file to another run of the function. */
  readonly again: (key: string) => Promise<void>;
  /** Less is not enough to begin with a file. */
  readonly reserveMs: number;
  readonly logger: Logger;
}

/** Reads the files that a batch of messages tells of, one after the other. A message that fails alone comes back. */
export async function ingestBatch(
  records: readonly QueueRecord[],
  parts: IngestParts,
  remainingMs: () => number,
): Promise<BatchAnswer> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const record of records) {
    try {
      for (const key of keysOf(record.body, parts.place)) await ingestFile(key, record, parts, remainingMs);
    } catch (error) {
      parts.logger.error("a message was not handled; it comes back", {
        message: record.messageId,
        ...errorFields(asMosaicError(error, "ingest")),
      });
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
}

async function ingestFile(
  key: string,
  { attributes }: QueueRecord,
  { take, again, reserveMs, logger }: IngestParts,
  remainingMs: () => number,
): Promise<void> {
  if (remainingMs() < reserveMs) {
    await again(key);
    return;
  }
  const taken = await take(key, remainingMs);
  logger.info("inbox", { ...taken });
  if (taken.status === "paused") await again(key);
  // Told twice at once, the other one sees to it. Told again, the other one may be dead, and its hold about to run out.
  if (taken.status === "held" && Number(attributes?.ApproximateReceiveCount ?? 1) > 1)
    throw new Error("another run holds the file, or died with it a moment ago");
}
