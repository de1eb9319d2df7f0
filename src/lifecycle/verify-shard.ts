import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { MosaicError, type Random, sha256OfFile } from "../base/index.ts";
import type { ObjectRef, ShardEntry } from "../manifest/index.ts";
import { DeadRows, decodeSummary, readChecked, ShardFile, type Summary } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import type { Findings } from "./findings.ts";

export interface ShardParts {
  readonly store: ObjectStore;
  readonly random: Random;
  /** Local folder for what is downloaded to be read once. */
  readonly workFolder: string;
}

/** Proves one shard: its file, its summary, its dead rows, and that they agree with each other and the manifest. */
export async function verifyShard(parts: ShardParts, entry: ShardEntry, found: Findings): Promise<void> {
  const { store } = parts;
  const dead = await deadRows(store, entry, found);
  const summary = decodeSummary(await readChecked(store, entry.summary), entry.summary.key);
  found.saw(entry.summary);
  if (summary.vectors !== entry.vectors || summary.cellRows.length !== entry.cells) {
    found.say(entry.summary.key, "count", "The summary's counts differ from the manifest's.");
  }
  await withStored(parts, entry.file, async (path) => {
    found.saw(entry.file);
    verifyRows(path, entry, { dead, summary }, found);
  });
}

/** The object's bytes as they are stored now, checked, as a local file: a copy in the cache would prove only itself. */
async function withStored(
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

function verifyRows(
  path: string,
  entry: ShardEntry,
  { dead, summary }: { readonly dead: DeadRows; readonly summary: Summary },
  found: Findings,
): void {
  const { key } = entry.file;
  const file = ShardFile.open(path);
  try {
    const integrity = file.integrity();
    if (integrity !== "ok") found.say(key, "integrity_check", integrity);
    let rows = 0;
    for (const { id, row } of file.ids()) {
      if (row !== rows++) found.say(key, "rowid_gap", `Row ${row} is not where it should be.`);
      if (!summary.ids.mayHold(id)) {
        const detail = `The filter excludes ${JSON.stringify(id)}, which is there.`;
        found.say(entry.summary.key, "filter_excludes_id", detail);
      }
      if (!dead.isDead(row)) found.noteLive(entry.id, id);
    }
    if (rows !== entry.documents)
      found.say(key, "count", `The file has ${rows} documents; the manifest says ${entry.documents}.`);
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

export const missing = (key: string): MosaicError =>
  new MosaicError("data", "verify", { code: "object_missing", detail: "The object is missing.", key });

const damaged = (key: string): MosaicError =>
  new MosaicError("data", "verify", {
    code: "shard_damaged",
    detail: "The file does not match its checksum.",
    key,
  });
