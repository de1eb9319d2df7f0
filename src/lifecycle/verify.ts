import { collectionPrefix } from "../base/index.ts";
import type { CollectionLog } from "../ingest/index.ts";
import { segmentKey, sequenceOfSegment } from "../manifest/index.ts";
import { Findings, type Problem } from "./findings.ts";
import { missing, type ShardParts, verifyShard } from "./verify-shard.ts";

export interface VerifyParts extends ShardParts {
  /** Refreshed by the caller. */
  readonly log: CollectionLog;
  readonly onProgress: (done: number, total: number) => void;
}

export interface Report {
  readonly ok: boolean;
  readonly documents: number;
  readonly shards: number;
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly Problem[];
}

/**
 * Reads every live object of a collection from storage and proves it: checksums, SQLite's integrity check, counts, every
 * id once, filters that hold every id, dead rows within bounds, every segment of the tail. Changes nothing.
 */
export async function verifyCollection(parts: VerifyParts): Promise<Report> {
  const { log, onProgress } = parts;
  const { manifest, tail } = log;
  const { lastSequence, documents: inTail, bytes: tailBytes } = tail;
  const [upserted, deleted] = [[...tail.upserts()].map(({ id }) => id), [...tail.deleted()]];
  const found = new Findings(collectionPrefix(log.scope));
  const total = manifest.shards.length;
  for (const [done, entry] of manifest.shards.entries()) {
    onProgress(done, total);
    await found.attempt(entry.file.key, () => verifyShard(parts, entry, found));
  }
  await verifyTail(parts, manifest.foldedThrough, lastSequence, found);
  onProgress(total, total);
  for (const id of [...upserted, ...deleted]) found.live.delete(id);
  return {
    ok: found.problems.length === 0,
    documents: found.live.size + inTail,
    shards: total,
    objects: found.objects + 1,
    bytes: found.bytes + tailBytes,
    problems: found.problems,
  };
}

/** Every segment that is not folded yet, read again; and that the log does not go on behind a gap. */
async function verifyTail(
  { store, log }: VerifyParts,
  foldedThrough: number,
  lastSequence: number,
  found: Findings,
): Promise<void> {
  const prefix = collectionPrefix(log.scope);
  for (let sequence = foldedThrough + 1; sequence <= lastSequence; sequence++) {
    const key = prefix + segmentKey(sequence);
    await found.attempt(key, async () => {
      if ((await log.readSegment(sequence)) === undefined) throw missing(key);
      found.objects++;
    });
  }
  let next = lastSequence + 1;
  for await (const { key } of store.list(`${prefix}wal/`, { startAfter: prefix + segmentKey(lastSequence) })) {
    const sequence = sequenceOfSegment(key);
    const gap = next;
    if (sequence === gap)
      next++; // written since the log was read
    else if (await belongs(log, sequence)) return found.say(prefix + segmentKey(gap), "segment_missing", gapDetail);
  }
}

const gapDetail = "The write-ahead log goes on after this segment, which is missing: what follows is not read.";

/** False for what a deleted collection of this name left behind. */
async function belongs(log: CollectionLog, sequence: number): Promise<boolean> {
  const segment = await log.readSegment(sequence).catch(() => undefined); // one that is damaged proves nothing
  return segment?.incarnation === log.manifest.incarnation;
}
