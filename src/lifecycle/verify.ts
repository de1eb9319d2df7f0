import { asMosaicError, sha256OfFile } from "../base/index.ts";
import type { CollectionLog } from "../ingest/index.ts";
import type { ObjectRef, ShardEntry } from "../manifest/index.ts";
import { DeadRows, decodeSummary, type LocalObjects, readChecked, ShardFile } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";

export interface Problem {
  readonly object: string;
  readonly code: string;
  readonly detail: string;
}

export interface VerifyParts {
  readonly store: ObjectStore;
  readonly localObjects: LocalObjects;
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
 * Reads every live object of a collection and proves it: checksums, SQLite's integrity check, counts, every id once,
 * filters that hold every id, dead rows within bounds, every segment of the tail readable. Changes nothing.
 */
export async function verifyCollection(parts: VerifyParts): Promise<Report> {
  const { log, onProgress } = parts;
  const { manifest, tail } = log;
  const found = new Findings();
  const total = manifest.shards.length;
  const segments = tail.segments; // they were checked by their checksum when the log was read
  for (const [done, entry] of manifest.shards.entries()) {
    onProgress(done, total);
    await found.attempt(entry.file.key, () => verifyShard(parts, entry, found));
  }
  onProgress(total, total);
  for (const { id } of tail.upserts()) found.live.delete(id);
  for (const id of tail.deleted()) found.live.delete(id);
  return {
    ok: found.problems.length === 0,
    documents: found.live.size + tail.documents,
    shards: total,
    objects: found.objects + segments + 1,
    bytes: found.bytes + tail.bytes,
    problems: found.problems,
  };
}

class Findings {
  readonly problems: Problem[] = [];
  readonly live = new Map<string, string>();
  objects = 0;
  bytes = 0;

  say(object: string, code: string, detail: string): void {
    this.problems.push({ object, code, detail });
  }

  async attempt(object: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      const { code, message } = asMosaicError(error, "verify");
      this.say(object, code, message);
    }
  }

  saw({ sizeBytes }: ObjectRef): void {
    this.objects++;
    this.bytes += sizeBytes;
  }
}

async function verifyShard({ store, localObjects }: VerifyParts, entry: ShardEntry, found: Findings): Promise<void> {
  const path = await localObjects.path(entry.file);
  found.saw(entry.file);
  if ((await sha256OfFile(path)) !== entry.file.sha256) {
    found.say(entry.file.key, "shard_damaged", "The file does not match its checksum.");
    return;
  }
  const dead = await deadRows(store, entry, found);
  const summary = decodeSummary(await readChecked(store, entry.summary), entry.summary.key);
  found.saw(entry.summary);
  const file = ShardFile.open(path);
  try {
    const integrity = file.integrity();
    if (integrity !== "ok") found.say(entry.file.key, "integrity_check", integrity);
    let rows = 0;
    for (const { id, row } of file.ids()) {
      if (row !== rows++) found.say(entry.file.key, "rowid_gap", `Row ${row} is not where it should be.`);
      if (!summary.ids.mayHold(id))
        found.say(
          entry.summary.key,
          "filter_excludes_id",
          `The filter excludes ${JSON.stringify(id)}, which is there.`,
        );
      if (!dead.isDead(row)) noteLive(found, entry, id);
    }
    if (rows !== entry.documents)
      found.say(entry.file.key, "count", `The file has ${rows} documents; the manifest says ${entry.documents}.`);
    if (summary.vectors !== entry.vectors || summary.cellRows.length !== entry.cells) {
      found.say(entry.summary.key, "count", "The summary's counts differ from the manifest's.");
    }
  } finally {
    file.close();
  }
}

async function deadRows(store: ObjectStore, { deletes, documents }: ShardEntry, found: Findings): Promise<DeadRows> {
  if (deletes === null) return DeadRows.none(documents);
  const dead = DeadRows.decode(await readChecked(store, deletes), deletes.key);
  found.saw(deletes);
  const counted = Array.from({ length: documents }, (_, row) => dead.isDead(row)).filter(Boolean).length;
  if (counted !== deletes.count || dead.rows !== documents)
    found.say(deletes.key, "count", `The bitmap has ${counted} dead rows; the manifest says ${deletes.count}.`);
  return dead;
}

function noteLive(found: Findings, { id: shard }: ShardEntry, id: string): void {
  const other = found.live.get(id);
  if (other !== undefined) found.say(shard, "duplicate_id", `${JSON.stringify(id)} is live in ${other} as well.`);
  found.live.set(id, shard);
}
