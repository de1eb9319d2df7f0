import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { MosaicError, type Random, sha256OfFile } from "../base/index.ts";
import {
  isFrozen,
  liveDocuments,
  type ObjectRef,
  type RanksRef,
  rowFileOf,
  type ShardEntry,
} from "../manifest/index.ts";
import {
  DeadRows,
  deadTermsOfFile,
  decodeSummary,
  readChecked,
  readRanks,
  ShardFile,
  type Summary,
  summaryOfFile,
  termsOfFile,
} from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import type { Findings } from "./findings.ts";

export interface ShardParts {
  readonly store: ObjectStore;
  readonly random: Random;
  /** Local folder for what is downloaded to be read once: a shard file at a time. */
  readonly workFolder: string;
}

/**
 * Proves one shard: its file, its summary, its dead rows, its ranks, and that they agree with each other and the manifest. What is
 * wrong with one of them keeps none of the others from being proved.
 */
export async function verifyShard(parts: ShardParts, entry: ShardEntry, found: Findings): Promise<void> {
  const { store } = parts;
  const { deletes } = entry;
  noteArchived(entry, found);
  const file = rowFileOf(entry);
  let [dead, summary, terms]: [DeadRows | undefined, StoredSummary | undefined, Uint8Array | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  await found.attempt(deletes?.key ?? file.key, async () => {
    dead = await deadRows(store, entry, found);
  });
  await found.attempt(entry.summary.key, async () => {
    summary = await storedSummary(store, entry, found);
  });
  const { ranks } = entry;
  if (ranks !== undefined) await found.attempt(ranks.key, () => verifyRanks(parts, entry, ranks, found));
  await found.attempt(entry.terms.key, async () => {
    terms = await readChecked(store, entry.terms);
    found.saw(entry.terms);
  });
  await found.attempt(file.key, () =>
    withStored(parts, file, async (path) => {
      found.saw(file);
      await found.attempt(file.key, async () => verifyRows(path, entry, dead ?? DeadRows.none(entry.documents), found));
      if (deletes !== null && dead !== undefined) verifyDeadTerms(path, deletes.key, dead, found);
      if (terms !== undefined && Buffer.compare(termsOfFile(path, entry.id), terms) !== 0)
        found.say(entry.terms.key, "terms_differ", "The list of terms is not that of its shard's file.");
      if (isFrozen(entry)) return verifyStub(path, entry, summary?.summary, found);
      if (summary !== undefined) verifySummary(path, entry, summary, found);
    }),
  );
  if (isFrozen(entry)) await found.attempt(entry.file.key, () => verifyFrozen(store, entry, found));
}

function noteArchived(entry: ShardEntry, found: Findings): void {
  if (entry.archived === undefined) return;
  found.archived.push({
    shard: entry.id,
    storage_class: entry.archived.storageClass,
    documents: liveDocuments(entry),
    needs_restore: isFrozen(entry),
  });
}

/** Ids are all that a stub and a summary have in common. */
function verifyStub(path: string, entry: ShardEntry, summary: Summary | undefined, found: Findings): void {
  const excluded = summary === undefined ? undefined : excludedId(path, summary);
  if (excluded !== undefined)
    found.say(
      entry.summary.key,
      "filter_excludes_id",
      `The filter excludes ${JSON.stringify(excluded)}, which is there.`,
    );
}

/** A file that must be restored can't be read; that it is there, and as long as it was, can be said. */
async function verifyFrozen(store: ObjectStore, { file }: ShardEntry, found: Findings): Promise<void> {
  const info = await store.head(file.key);
  if (info === undefined) throw missing(file.key);
  if (info.sizeBytes !== file.sizeBytes) throw damaged(file.key);
  found.saw(file);
}

interface StoredSummary {
  readonly bytes: Uint8Array;
  readonly summary: Summary;
}

async function storedSummary(store: ObjectStore, entry: ShardEntry, found: Findings): Promise<StoredSummary> {
  const bytes = await readChecked(store, entry.summary);
  const summary = decodeSummary(bytes, entry.summary.key);
  found.saw(entry.summary);
  if (summary.vectors !== entry.vectors || summary.cellRows.length !== entry.cells)
    found.say(entry.summary.key, "count", "The summary's counts differ from the manifest's.");
  return { bytes, summary };
}

/** The object's bytes as they are stored now, checked, as a local file: a copy in the cache would prove only itself. */
export async function withStored(
  { store, random, workFolder }: ShardParts,
  ref: ObjectRef,
  task: (path: string) => Promise<void>,
): Promise<void> {
  const inPlace = store.localPath(ref.key);
  const path = inPlace ?? join(workFolder, `verify-${random.nonce(8)}`);
  try {
    if (inPlace === undefined) await mkdir(workFolder, { recursive: true });
    const info = inPlace === undefined ? await store.download(ref.key, path) : await store.head(ref.key);
    if (info === undefined) throw missing(ref.key);
    if ((await sha256OfFile(path)) !== ref.sha256) throw damaged(ref.key);
    await task(path);
  } finally {
    if (inPlace === undefined) await rm(path, { force: true });
  }
}

/** Ranks out of their range would be missed by queries that ask for them. */
async function verifyRanks(parts: ShardParts, entry: ShardEntry, ranks: RanksRef, found: Findings): Promise<void> {
  await withStored(parts, ranks, async (path) => {
    const values = readRanks(path, entry.id, entry.documents);
    found.saw(ranks);
    const min = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
    const max = values.reduce((most, value) => Math.max(most, value), 0);
    if (min === ranks.min && max === ranks.max) return;
    found.say(ranks.key, "ranks_differ", `The ranks go from ${min} to ${max}; the manifest says otherwise.`);
  });
}

function verifyRows(path: string, entry: ShardEntry, dead: DeadRows, found: Findings): void {
  const { key } = rowFileOf(entry);
  const file = ShardFile.open(path);
  try {
    const integrity = file.integrity();
    if (integrity !== "ok") found.say(key, "integrity_check", integrity);
    let rows = 0;
    for (const { id, row } of file.ids()) {
      if (row !== rows++) found.say(key, "rowid_gap", `Row ${row} is not where it should be.`);
      if (!dead.isDead(row)) found.noteLive(entry.id, id);
    }
    if (rows !== entry.documents)
      found.say(key, "count", `The file has ${rows} documents; the manifest says ${entry.documents}.`);
  } finally {
    file.close();
  }
}

/** A filter that excludes an id costs that document, a wrong place or centroid an answer: so all of it has to agree. */
function verifySummary(path: string, entry: ShardEntry, { bytes, summary }: StoredSummary, found: Findings): void {
  const { key } = entry.summary;
  if (Buffer.compare(summaryOfFile(path, entry.id), bytes) === 0) return;
  const excluded = excludedId(path, summary);
  if (excluded === undefined) found.say(key, "summary_differs", "The summary is not that of its shard's file.");
  else found.say(key, "filter_excludes_id", `The filter excludes ${JSON.stringify(excluded)}, which is there.`);
}

function excludedId(path: string, { ids }: Summary): string | undefined {
  const file = ShardFile.open(path);
  try {
    for (const { id } of file.ids()) if (!ids.mayHold(id)) return id;
    return undefined;
  } finally {
    file.close();
  }
}

export const deadTermsDiffer = "dead_terms_differ";

/** What the dead rows are said to take from the statistics is what they hold. */
function verifyDeadTerms(path: string, key: string, dead: DeadRows, found: Findings): void {
  if (dead.terms === undefined || Buffer.compare(deadTermsOfFile(path, dead).bytes, dead.terms.bytes) === 0) return;
  found.say(
    key,
    deadTermsDiffer,
    "What dead rows take from the statistics is not what they hold; scores by words are off.",
  );
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

export const missing = (key: string): MosaicError =>
  new MosaicError("data", "verify", { code: "object_missing", detail: "The object is missing.", key });

const damaged = (key: string): MosaicError =>
  new MosaicError("data", "verify", {
    code: "shard_damaged",
    detail: "The file does not match its checksum.",
    key,
  });
