import { collectionPrefix, isMosaicError, type MosaicError, type Scope } from "../base/index.ts";
import { CollectionLog, type LogParts } from "../ingest/index.ts";
import { collectionNotFound, liveDocuments, segmentKey, sequenceOfSegment } from "../manifest/index.ts";
import { type ArchivedFinding, Findings, type Problem } from "./findings.ts";
import { missing, type ShardParts, verifyShard } from "./verify-shard.ts";

export interface VerifyParts extends ShardParts, Pick<LogParts, "clock" | "manifests" | "gcGraceMs"> {
  readonly scope: Scope;
  readonly onProgress: (done: number, total: number) => void;
}

export interface Report {
  readonly ok: boolean;
  readonly documents: number;
  readonly shards: number;
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly Problem[];
  /** What an earlier repair has set aside. */
  readonly quarantined: readonly { readonly shard: string; readonly documents: number }[];
  /** Shards of a colder class: no problem, but of those that must be restored first the file itself was not read. */
  readonly archived: readonly ArchivedFinding[];
}

/**
 * Reads every live object of a collection from storage and proves it: checksums, SQLite's integrity check, counts, every
 * id once, summaries byte by byte against their files, dead rows within bounds, every segment of the tail. Changes nothing.
 * Throws `not_found` when there is no such collection; damage of any kind is a finding, not a failure to look.
 */
export async function verifyCollection(parts: VerifyParts): Promise<Report> {
  const found = new Findings(collectionPrefix(parts.scope));
  const log = await openToVerify(parts).catch((error: unknown) => {
    if (!isMosaicError(error, "data")) throw error;
    found.say(error.key ?? collectionPrefix(parts.scope), error.code, error.message);
    return undefined;
  });
  if (log === undefined) return reportOf(found, undefined);
  const { manifest, tail } = log;
  const outdated = [...tail.upserts(), ...[...tail.deleted()].map((id) => ({ id }))].map(({ id }) => id);
  const total = manifest.shards.length;
  for (const [done, entry] of manifest.shards.entries()) {
    parts.onProgress(done, total);
    await verifyShard(parts, entry, found);
  }
  for (const fault of await tailFaults(parts, log, () => found.objects++))
    found.say(fault.key, fault.code, fault.detail);
  parts.onProgress(total, total);
  for (const id of outdated) found.live.delete(id);
  return reportOf(found, log);
}

/** The log without summaries, which are yet to be proved; without its tail when that can't be read. */
export async function openToVerify({ scope, ...parts }: VerifyParts): Promise<CollectionLog> {
  const logParts = { ...parts, prepare: async () => undefined, adopted: () => undefined };
  try {
    return await CollectionLog.open(scope, logParts);
  } catch (error) {
    if (!isMosaicError(error, "data") || error.code !== "segment_damaged") throw error;
    const stored = await parts.manifests.read();
    if (stored === undefined) throw collectionNotFound(scope);
    return new CollectionLog(scope, stored, logParts);
  }
}

function reportOf(found: Findings, log: CollectionLog | undefined): Report {
  const { problems, live, objects, bytes } = found;
  const { shards = [], quarantined = [] } = log?.manifest ?? {};
  return {
    ok: problems.length === 0,
    documents: live.size + (log?.tail.documents ?? 0),
    shards: shards.length,
    objects: log === undefined ? 0 : objects + 1,
    bytes: bytes + (log?.tail.bytes ?? 0),
    problems,
    quarantined: quarantined.map((entry) => ({ shard: entry.id, documents: liveDocuments(entry) })),
    archived: found.archived,
  };
}

export interface TailFault {
  readonly sequence: number;
  readonly key: string;
  readonly code: string;
  readonly detail: string;
}

/** Every segment that is not folded yet, read again; and whether the log goes on behind a gap. */
export async function tailFaults(
  { store, scope }: VerifyParts,
  log: CollectionLog,
  onSound: () => void,
): Promise<readonly TailFault[]> {
  const prefix = collectionPrefix(scope);
  const { foldedThrough } = log.manifest;
  const faults: TailFault[] = [];
  const gapAt = (sequence: number): TailFault => {
    const key = prefix + segmentKey(sequence);
    // It was there a moment ago, or nobody has read it.
    if (sequence <= log.tail.lastSequence)
      return { sequence, key, code: "object_missing", detail: missing(key).message };
    return { sequence, key, code: "segment_missing", detail: gapDetail };
  };
  let next = foldedThrough + 1;
  for await (const { key } of store.list(`${prefix}wal/`, { startAfter: prefix + segmentKey(foldedThrough) })) {
    const sequence = sequenceOfSegment(key);
    const error = await faultOf(log, sequence, key);
    // What a deleted collection of this name left behind is not of this log, and ends it.
    if (error === undefined && sequence > next && !(await belongs(log, sequence))) break;
    for (; next < sequence; next++) faults.push(gapAt(next));
    if (error === undefined) onSound();
    else faults.push({ sequence, key, code: error.code, detail: error.message });
    next = sequence + 1;
  }
  for (; next <= log.tail.lastSequence; next++) faults.push(gapAt(next));
  return faults;
}

const gapDetail = "The write-ahead log goes on after this segment, which is missing: what follows is not read.";

async function faultOf(log: CollectionLog, sequence: number, key: string): Promise<MosaicError | undefined> {
  try {
    return (await log.readSegment(sequence)) === undefined ? missing(key) : undefined;
  } catch (error) {
    if (isMosaicError(error, "data")) return error;
    throw error;
  }
}

async function belongs(log: CollectionLog, sequence: number): Promise<boolean> {
  return (await log.readSegment(sequence))?.incarnation === log.manifest.incarnation;
}
