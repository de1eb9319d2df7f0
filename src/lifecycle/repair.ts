import { collectionPrefix, MosaicError, type ShardId, sha256, sha256OfFile } from "../base/index.ts";
import { type CollectionLog, encodeSegment } from "../ingest/index.ts";
import {
  isFrozen,
  liveDocuments,
  type Manifest,
  type ObjectRef,
  type Retirement,
  rowFileOf,
  type ShardEntry,
} from "../manifest/index.ts";
import {
  DeadRows,
  deadTermsOfFile,
  type ImmutableRef,
  type Pin,
  readChecked,
  summaryOfFile,
  termsOfFile,
} from "../shard/index.ts";
import { Findings, type Repair } from "./findings.ts";
import { restoreManifest } from "./repair-manifest.ts";
import { openToVerify, type TailFault, tailFaults, type VerifyParts } from "./verify.ts";
import { deadTermsDiffer, verifyShard, withStored } from "./verify-shard.ts";

export interface RepairParts extends VerifyParts {
  readonly retirement: Retirement;
  /** A local copy of an object, pinned, if there is one that is not the object itself. */
  readonly copyOf: (ref: ImmutableRef) => Promise<Pin | undefined>;
}

/**
 * Makes a damaged collection whole again, as far as it can be, and deletes nothing. A damaged manifest is made of the
 * newest kept generation and the log after it; a shard file comes back from a local copy, and so do ranks, which else are
 * given up until they are computed again; a summary and a list of terms are made of their file;
 * what can't be made again (a shard file, a bitmap of dead rows, a segment) is set aside, so that the rest can be used.
 * Every step is one swap or one conditional PUT, each of them whole: it can be ended anywhere and run again, beside writers.
 */
export async function repairCollection(parts: RepairParts): Promise<readonly Repair[]> {
  const repairs = [...(await restoreManifest(parts))];
  const log = await openToVerify(parts);
  for (const fault of await tailFaults(parts, log, () => undefined)) repairs.push(await closeGap(parts, log, fault));
  const { shards } = log.manifest;
  const fixes: Fix[] = [];
  for (const [done, entry] of shards.entries()) {
    parts.onProgress(done, shards.length);
    const { repair, fix } = await repairShard(parts, entry);
    if (repair !== undefined) repairs.push(repair);
    if (fix !== undefined) fixes.push(fix);
  }
  if (fixes.length > 0) repairs.push(...(await swapIn(parts, log, fixes)));
  return repairs;
}

/** What a swap has to change of a shard, as long as it still is what was looked at. */
interface Fix {
  readonly was: ShardEntry;
  /** What is made anew of its file; undefined: the shard is set aside. */
  readonly rebuilt: Partial<Pick<ShardEntry, "summary" | "terms" | "deletes">> | undefined;
  /** Its ranks can't be read: those of its file count again. */
  readonly withoutRanks?: boolean;
  readonly repairs: readonly Repair[];
}

/** Contradictions that no repair can settle, of bytes that can be read all the same: they stay findings. */
const readable = new Set(["count", "rowid_gap", "duplicate_id"]);

async function repairShard(parts: RepairParts, entry: ShardEntry): Promise<{ repair?: Repair; fix?: Fix }> {
  const { file, summary, terms, deletes } = entry;
  const found = new Findings(collectionPrefix(parts.scope));
  await verifyShard(parts, entry, found);
  const unusable = found.problems.filter(({ code }) => !readable.has(code));
  const wrong = new Set(unusable.map(({ object }) => object));
  const miscounted = unusable.every(({ object, code }) => object !== deletes?.key || code === deadTermsDiffer);
  const ofFile = unusable.find(({ object }) => object === file.key || object === deletes?.key);
  const why = (ofFile ?? unusable[0])?.code ?? "";
  const stub = isFrozen(entry) ? entry.archived.stub : undefined;
  if (deletes !== null && wrong.has(deletes.key) && !miscounted) return { fix: setAside(entry, deletes.key, why) };
  if (wrong.has(file.key)) {
    if (!(await restoreFromCopy(parts, file, entry.archived?.storageClass)))
      return { fix: setAside(entry, file.key, why) };
    // The rest of it is proved by the next look.
    const detail = "The stored file was damaged; a local copy of it took its place.";
    return { repair: { object: file.key, action: "restored", detail } };
  }
  if (stub !== undefined && wrong.has(stub.key)) {
    if (!(await restoreFromCopy(parts, stub))) return { fix: setAside(entry, stub.key, why) };
    const detail = "What is kept beside an archived shard was damaged; a local copy of it took its place.";
    return { repair: { object: stub.key, action: "restored", detail } };
  }
  // It can't be made anew of a file that can't be read.
  if (stub !== undefined && wrong.has(summary.key)) return { fix: setAside(entry, summary.key, why) };
  const { ranks } = entry;
  const lost = [summary, terms, ...(deletes === null ? [] : [deletes])].filter(({ key }) => wrong.has(key));
  if (ranks === undefined || !wrong.has(ranks.key))
    return lost.length === 0 ? {} : { fix: await rebuilt(parts, entry, lost) };
  if (lost.length === 0 && (await restoreFromCopy(parts, ranks))) {
    const detail = "The stored ranks were damaged; a local copy of them took their place.";
    return { repair: { object: ranks.key, action: "restored", detail } };
  }
  const fix = await rebuilt(parts, entry, lost);
  const detail = `The ranks of shard ${entry.id} were lost, older ones count: compute them again by: mosaic pagerank`;
  return {
    fix: { ...fix, withoutRanks: true, repairs: [...fix.repairs, { object: ranks.key, action: "dropped", detail }] },
  };
}

function setAside(entry: ShardEntry, object: string, why: string): Fix {
  const count = liveDocuments(entry);
  const detail = `Shard ${entry.id} is set aside (${why}): ${count} documents are missing from answers until its file is put back.`;
  return { was: entry, rebuilt: undefined, repairs: [{ object, action: "quarantined", detail }] };
}

/** Puts the bytes back that the manifest's checksum asks for; harmless, whoever reads or writes meanwhile. */
async function restoreFromCopy(
  { store, copyOf }: RepairParts,
  file: ObjectRef,
  storageClass = "STANDARD",
): Promise<boolean> {
  using copy = await copyOf(file);
  if (copy === undefined || copy.path === store.localPath(file.key)) return false;
  if ((await sha256OfFile(copy.path)) !== file.sha256) return false;
  await store.put(file.key, { path: copy.path }, { storageClass });
  return true;
}

/** Puts what was lost of these objects beside them, under new keys. */
async function rebuilt(parts: RepairParts, entry: ShardEntry, lost: readonly ObjectRef[]): Promise<Fix> {
  const made: { -readonly [Name in keyof NonNullable<Fix["rebuilt"]>]: NonNullable<Fix["rebuilt"]>[Name] } = {};
  const repairs: Repair[] = [];
  await withStored(parts, rowFileOf(entry), async (path) => {
    if (lost.includes(entry.summary)) {
      made.summary = await putAgain(parts, `summaries/${entry.id}`, summaryOfFile(path, entry.id));
      const detail = "The summary was made anew of its shard's file.";
      repairs.push({ object: entry.summary.key, action: "rebuilt", detail });
    }
    if (lost.includes(entry.terms)) {
      made.terms = await putAgain(parts, `terms/${entry.id}`, termsOfFile(path, entry.id));
      const detail = "The list of terms was made anew of its shard's file.";
      repairs.push({ object: entry.terms.key, action: "rebuilt", detail });
    }
    const { deletes } = entry;
    if (deletes !== null && lost.includes(deletes)) {
      const dead = DeadRows.decode(await readChecked(parts.store, deletes), deletes.key);
      const counted = new DeadRows(dead.rows, dead.bits, dead.count, deadTermsOfFile(path, dead));
      const generation = deletes.generation + 1;
      const ref = await putAgain(parts, `deletes/${entry.id}-${generation}`, counted.encode());
      made.deletes = { ...ref, generation, count: deletes.count };
      const detail = "What dead rows take from the statistics was counted anew in their shard's file.";
      repairs.push({ object: deletes.key, action: "rebuilt", detail });
    }
  });
  return { was: entry, rebuilt: made, repairs };
}

async function putAgain({ store, random, scope }: RepairParts, name: string, bytes: Uint8Array): Promise<ObjectRef> {
  const key = `${collectionPrefix(scope)}${name}-${random.nonce(6)}`;
  await store.put(key, bytes, { ifNoneMatch: "*" });
  return { key, sizeBytes: bytes.length, sha256: sha256(bytes) };
}

/** One swap for all shards. What somebody else has rewritten meanwhile needs no repair, and gets none. */
async function swapIn(
  { manifests, retirement }: RepairParts,
  log: CollectionLog,
  fixes: readonly Fix[],
): Promise<readonly Repair[]> {
  const byId = new Map<ShardId, Fix>(fixes.map((fix) => [fix.was.id, fix]));
  let done: Repair[] = [];
  await retirement.settle(log.manifest);
  const swapped = await manifests.update(log.stored, (current) => {
    const applied = current.shards.flatMap((entry) => {
      const fix = byId.get(entry.id);
      return fix !== undefined && isSame(entry, fix.was) ? [fix] : [];
    });
    done = applied.flatMap(({ repairs: own }) => own);
    return applied.length === 0 ? undefined : changed(current, applied, retirement);
  });
  if (swapped === undefined) return [];
  await retirement.settle(swapped.manifest);
  return done;
}

function changed(current: Manifest, applied: readonly Fix[], retirement: Retirement): Partial<Manifest> {
  const fixes = new Map(applied.map((fix) => [fix.was.id, fix]));
  const aside = current.shards.filter(({ id }) => fixes.has(id) && fixes.get(id)?.rebuilt === undefined);
  const shards = current.shards
    .filter((entry) => !aside.includes(entry))
    .map((entry) => fixed(entry, fixes.get(entry.id)));
  const after = {
    shards,
    quarantined: [...current.quarantined, ...aside],
    foldedThrough: current.foldedThrough,
  };
  return { ...after, ...retirement.next(current, after) };
}

function fixed(entry: ShardEntry, fix: Fix | undefined): ShardEntry {
  const { ranks, ...rest } = { ...entry, ...fix?.rebuilt };
  return ranks === undefined || fix?.withoutRanks ? rest : { ...rest, ranks };
}

const isSame = (a: ShardEntry, b: ShardEntry): boolean =>
  a.file.key === b.file.key &&
  a.summary.key === b.summary.key &&
  a.terms.key === b.terms.key &&
  a.deletes?.key === b.deletes?.key &&
  a.ranks?.key === b.ranks?.key;

/**
 * Puts an empty segment where one is damaged or missing: the log ends at a gap, and what was acknowledged after it would
 * stay unread. The damaged bytes are kept under `quarantine/`.
 */
async function closeGap(
  { store, scope, clock, random }: RepairParts,
  { manifest: { incarnation } }: CollectionLog,
  { sequence, key, code }: TailFault,
): Promise<Repair> {
  const nonce = random.nonce(8);
  const empty = encodeSegment({ incarnation, nonce, atMs: clock.now(), operations: [] });
  const got = await store.get(key);
  if (got.status === "not_modified") throw new MosaicError("internal", "repair");
  if (got.status === "absent") {
    await store.put(key, empty, { ifNoneMatch: "*" });
    const detail = `Segment ${sequence} is missing; an empty one took its place, so that what follows is read.`;
    return { object: key, action: "quarantined", detail };
  }
  const kept = `${collectionPrefix(scope)}quarantine/wal-${sequence}-${nonce}`;
  await store.put(kept, got.bytes, { ifNoneMatch: "*" });
  await store.put(key, empty, { ifMatch: got.info.etag });
  const detail = `Segment ${sequence} (${code}) is set aside as ${kept}: its writes are missing from answers.`;
  return { object: key, action: "quarantined", detail };
}
