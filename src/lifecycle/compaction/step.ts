import { join } from "node:path";
import { type Clock, formatTimestamp, isMosaicError, type Random } from "../../base/index.ts";
import { type CollectionLog, ranksOf, type ShardObjects } from "../../ingest/index.ts";
import {
  type DeletesRef,
  isStillStored,
  liveDocuments,
  type Manifest,
  type ManifestStore,
  type Retirement,
  type ShardEntry,
  type Stored,
} from "../../manifest/index.ts";
import { cellRows, knownDeaths, type ObjectFiles, type Partition, type PathOf, withPins } from "../../shard/index.ts";
import type { CompactSource } from "./compact-worker.ts";
import type { CompactorThread } from "./compactor.ts";

export interface StepParts {
  readonly log: CollectionLog;
  readonly manifests: ManifestStore;
  readonly retirement: Retirement;
  readonly objects: ShardObjects;
  readonly localObjects: ObjectFiles;
  readonly thread: CompactorThread;
  readonly clock: Clock;
  readonly random: Random;
  /** Local folder for files under construction. */
  readonly workFolder: string;
  readonly shardMaxBytes: number;
}

/** What one step rewrites, and what it needs to go on where an earlier attempt stopped. */
export interface StepPlan {
  /** Shared by the shards that come out of it, and by all steps that divide by the same partition. */
  readonly build: string;
  readonly shards: readonly ShardEntry[];
  readonly partition: Partition | undefined;
  /** Generation that was current before the first new object was put, or when what was stored was found to be there. */
  readonly since: number;
  /** Lowest fencing token that the manifest must not have passed. */
  readonly token: number;
  /** Shards that an earlier attempt stored, by region. */
  readonly stored: ReadonlyMap<number, readonly ShardEntry[]>;
}

export interface StepHooks {
  /** Called between regions: keeps the lease, notes what was stored, throws when the work is to end. */
  readonly onRegion: (region: number, shards: readonly ShardEntry[], rowsDone: number) => Promise<void>;
}

export interface StepResult {
  readonly outcome: "swapped" | "overtaken";
  /** The new shards, and the leaf of the partition that each lies in. */
  readonly shards: readonly { readonly entry: ShardEntry; readonly leaf: number }[];
}

/**
 * Rewrites the live rows of some shards into new ones, each a region of its own, and swaps them in. Queries and writes go
 * on meanwhile: rows that died since are carried over by id, as long as every shard that was read is still live with the
 * ranks that were read; if one is not, somebody else has rewritten it, and the result is thrown away. Requests: 3 PUT a shard, 2 for the swap, and 1 a
 * shard that lost rows meanwhile.
 */
export async function runStep(parts: StepParts, plan: StepPlan, hooks: StepHooks): Promise<StepResult> {
  const { thread, workFolder, random, localObjects } = parts;
  const folder = join(workFolder, `compact-${random.nonce(8)}`);
  const files = plan.shards.flatMap(({ file, ranks }) => (ranks === undefined ? [file] : [file, ranks]));
  try {
    return await withPins(localObjects, files, async (pathOf) => {
      const sources = await Promise.all(plan.shards.map((entry) => sourceOf(parts, entry, pathOf)));
      const shards = await buildAll(parts, plan, sources, folder, hooks);
      return await swap(parts, plan, shards);
    });
  } catch (error) {
    // A local copy may be what is damaged: the next attempt fetches its own.
    if (isMosaicError(error, "data")) await Promise.all(files.map((file) => localObjects.drop(file)));
    throw error;
  } finally {
    await thread.done(folder);
  }
}

async function sourceOf(
  { objects }: Pick<StepParts, "objects">,
  entry: ShardEntry,
  pathOf: PathOf,
): Promise<CompactSource> {
  const { file, documents, vectors } = entry;
  const deadBits = (await objects.deadRows(entry)).bits;
  return { path: pathOf(file), documents, vectors, file, deadBits, ranks: ranksOf(entry, pathOf) };
}

/** Without its ranks, which only who copies rows needs. */
const fileOf = ({ objects }: StepParts, { ranks: _beside, ...entry }: ShardEntry, pathOf: PathOf) =>
  sourceOf({ objects }, entry, pathOf);

/** One region after the other, so that only one file is under construction. */
async function buildAll(
  parts: StepParts,
  plan: StepPlan,
  sources: readonly CompactSource[],
  folder: string,
  { onRegion }: StepHooks,
): Promise<StepResult["shards"]> {
  const { thread, log, shardMaxBytes } = parts;
  const { dimensions, distance, clusterBy, shardMaxDocs, language } = log.manifest.settings;
  const limits = { dimensions: dimensions ?? 0, distance, maxDocs: shardMaxDocs, maxBytes: shardMaxBytes };
  const regions = await thread.plan({ sources, limits, clusterBy, language, partition: plan.partition });
  const shards: { readonly entry: ShardEntry; readonly leaf: number }[] = [];
  let done = 0;
  for (const [region, { rows, leaf }] of regions.entries()) {
    const entries = plan.stored.get(region) ?? (await buildRegion(parts, plan, region, rows, folder));
    shards.push(...entries.map((entry) => ({ entry, leaf })));
    done += rows;
    await onRegion(region, entries, done);
  }
  return shards;
}

async function buildRegion(
  { thread, objects, random, clock }: StepParts,
  { build }: StepPlan,
  region: number,
  rows: number,
  folder: string,
): Promise<readonly ShardEntry[]> {
  // A build cuts at cells, and once between rows with and without a vector.
  const most = Math.ceil(rows / cellRows) + 2;
  const shardIds = Array.from({ length: most }, () => random.id(clock.now()));
  const entries: ShardEntry[] = [];
  for (const built of await thread.build(region, folder, shardIds)) {
    entries.push(await objects.put(built, build, "compacted"));
    await thread.discard(built.path);
  }
  return entries;
}

async function swap(parts: StepParts, plan: StepPlan, shards: StepResult["shards"]): Promise<StepResult> {
  const { manifests, retirement, objects, log, clock } = parts;
  const keys = shards.flatMap(({ entry }) => [entry.file.key, entry.summary.key, entry.terms.key]);
  for (;;) {
    const current = await manifests.read();
    const stored = current !== undefined && isStillStored(current.manifest, plan.since, keys);
    const carried = stored ? await carryDeaths(parts, plan, current.manifest, shards) : undefined;
    if (current === undefined || carried === undefined) {
      await objects.discard(keys, current?.manifest);
      return { outcome: "overtaken", shards: [] };
    }
    await retirement.settle(current.manifest);
    const swapped = await manifests.update(current, (now) =>
      now.generation === current.manifest.generation ? next(parts, plan, now, carried) : undefined,
    );
    if (swapped !== undefined) {
      await adopt(log, swapped);
      await retirement.settle(swapped.manifest);
      const live = new Map(carried.map((entry) => [entry.id, entry]));
      return { outcome: "swapped", shards: shards.filter(({ entry }) => live.has(entry.id)) };
    }
    await clock.sleep(parts.random.next() * 100);
  }
}

const adopt = (log: CollectionLog, swapped: Stored): Promise<void> => log.adopt(swapped);

function next(
  { retirement, clock }: StepParts,
  { shards: replaced, token }: StepPlan,
  current: Manifest,
  added: readonly ShardEntry[],
): Partial<Manifest> {
  const gone = new Set<string>(replaced.map(({ id }) => id));
  const shards = [
    ...current.shards.filter(({ id }) => !gone.has(id)),
    ...added.filter((one) => liveDocuments(one) > 0),
  ];
  const after = { shards, foldedThrough: current.foldedThrough };
  return { ...after, ...retirement.next(current, after), compactedAt: formatTimestamp(clock.now()), fence: token };
}

/**
 * The new shards with the rows dead that died in the old ones since they were read; undefined when an old one is gone or
 * has been archived, when a rollback has brought rows of it back, or a later compaction has taken over.
 */
async function carryDeaths(
  parts: StepParts,
  { shards: replaced, token }: StepPlan,
  current: Manifest,
  shards: StepResult["shards"],
): Promise<readonly ShardEntry[] | undefined> {
  const live = new Map(current.shards.map((entry) => [entry.id, entry]));
  if (current.fence > token || !allAsRead(replaced, current)) return undefined;
  const ids: string[] = [];
  for (const before of replaced) {
    const now = live.get(before.id) as ShardEntry;
    if (now.deletes?.key === before.deletes?.key) continue;
    const died = await idsOfNewlyDead(parts, before, now);
    if (died === undefined) return undefined;
    ids.push(...died);
  }
  if (ids.length === 0) return shards.map(({ entry }) => entry);
  return await Promise.all(
    shards.map(async ({ entry }) => {
      const deletes = await deathsOf(parts, entry, ids);
      return deletes === undefined ? entry : { ...entry, deletes };
    }),
  );
}

/** Shards are still what a step began with, later deaths aside; ranks that were computed meanwhile must not be lost. */
export function allAsRead(read: readonly ShardEntry[], current: Manifest): boolean {
  const identity = ({ file, ranks }: ShardEntry): string => `${file.key} ${ranks?.key}`;
  const live = new Set(current.shards.map(identity));
  return read.every((entry) => live.has(identity(entry)));
}

/** Undefined when a row lives again that was dead: the step has not copied it. */
async function idsOfNewlyDead(
  parts: StepParts,
  before: ShardEntry,
  now: ShardEntry,
): Promise<readonly string[] | undefined> {
  const [was, is] = [await parts.objects.deadRows(before), await parts.objects.deadRows(now)];
  const all = Array.from({ length: before.documents }, (_, row) => row);
  if (all.some((row) => was.isDead(row) && !is.isDead(row))) return undefined;
  const rows = all.filter((row) => is.isDead(row) && !was.isDead(row));
  return await withPins(parts.localObjects, [before.file], async (pathOf) =>
    parts.thread.ids(await fileOf(parts, before, pathOf), rows),
  );
}

async function deathsOf(parts: StepParts, entry: ShardEntry, ids: readonly string[]): Promise<DeletesRef | undefined> {
  const { thread, objects, localObjects, log } = parts;
  const before = await objects.deadRows(entry);
  const { rows, terms } = await withPins(localObjects, [entry.file], async (pathOf) => {
    const source = await fileOf(parts, entry, pathOf);
    const found = (await thread.rows(source, ids)).filter((row) => row !== undefined);
    if (found.length === 0) return { rows: found, terms: undefined };
    const { language } = log.manifest.settings;
    return { rows: found, terms: await thread.terms(source, knownDeaths(before), found, language) };
  });
  return rows.length === 0 ? undefined : await objects.putDeaths(entry, before, rows, terms);
}
