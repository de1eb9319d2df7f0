import { join } from "node:path";
import { type Clock, formatTimestamp, isMosaicError, MosaicError, type Random } from "../../base/index.ts";
import type { CollectionLog, ShardObjects } from "../../ingest/index.ts";
import {
  isFrozen,
  isStillStored,
  liveDocuments,
  type Manifest,
  type ManifestStore,
  type RanksRef,
  type Retirement,
  type ShardEntry,
} from "../../manifest/index.ts";
import { type ObjectFiles, withPins } from "../../shard/index.ts";
import type { RankOptions } from "./options.ts";
import type { RankThread } from "./rank-thread.ts";
import type { RankedGraph, RankSource } from "./rank-worker.ts";

export interface PageRanksParts {
  readonly log: CollectionLog;
  readonly manifests: ManifestStore;
  readonly retirement: Retirement;
  readonly objects: ShardObjects;
  readonly localObjects: ObjectFiles;
  readonly ranker: RankThread;
  readonly clock: Clock;
  readonly random: Random;
  /** Local folder for files under construction. */
  readonly workFolder: string;
}

export interface RankHooks {
  /** Documents that were read or ranked so far, each counted twice in the end. Throws to end the work. */
  readonly onProgress: (done: number, total: number) => Promise<void>;
}

/** Times that shards are written again because others have rewritten them meanwhile. */
const tries = 20;

/**
 * Computes the PageRank of a collection's documents and puts the ranks beside its shards, all of them in one swap: until
 * then the old ranks hold, whatever happens. Shards that were rewritten meanwhile get their ranks by id; documents that came
 * later have rank 0. Shards that must be restored before they can be read are left out: their documents are no part of the graph, and
 * keep the ranks that they have. Requests: 1 PUT a shard, 2 for the swap; every shard is read once, and its ids once more.
 */
export class PageRanks {
  readonly #parts: PageRanksParts;

  constructor(parts: PageRanksParts) {
    this.#parts = parts;
  }

  async run(options: RankOptions, hooks: RankHooks): Promise<RankedGraph> {
    const { log, ranker, workFolder, random } = this.#parts;
    const folder = join(workFolder, `ranks-${random.nonce(8)}`);
    try {
      await log.refresh();
      const shards = log.manifest.shards.filter((entry) => !isFrozen(entry));
      await ranker.begin(
        folder,
        sum(shards, ({ documents }) => documents),
      );
      const total = 2 * sum(shards, liveDocuments);
      let done = 0;
      const count = async (entry: ShardEntry): Promise<void> => {
        done = Math.min(total, done + liveDocuments(entry));
        await hooks.onProgress(done, total);
      };
      await hooks.onProgress(0, total);
      for (const entry of shards) {
        await this.#onSource(entry, (source) => ranker.read(source, options.links));
        await count(entry);
      }
      const graph = await ranker.rank(options);
      if (graph.documents > 0) await this.#store(folder, count);
      return graph;
    } finally {
      await ranker.done(folder);
    }
  }

  /** Ranks for whichever shards are live by the time of the swap. */
  async #store(folder: string, count: (entry: ShardEntry) => Promise<void>): Promise<void> {
    const { log, manifests } = this.#parts;
    const stored = new Map<string, RanksRef>();
    const since = log.manifest.generation;
    let isSwapping = false;
    try {
      for (let attempt = 0; attempt < tries; attempt++) {
        for (const entry of log.manifest.shards.filter((shard) => !isFrozen(shard) && !stored.has(shard.id))) {
          stored.set(entry.id, await this.#write(entry, folder));
          if (attempt === 0) await count(entry);
        }
        isSwapping = true;
        if (await this.#swap(stored, since)) return;
        isSwapping = false;
        await log.refresh();
      }
      throw contention();
    } catch (error) {
      // A swap that failed may hold all the same: then gc finds what is litter.
      const keys = isSwapping ? [] : [...stored.values()].map(({ key }) => key);
      await this.#parts.objects.discard(keys, (await manifests.read())?.manifest);
      throw error;
    }
  }

  async #write(entry: ShardEntry, folder: string): Promise<RanksRef> {
    const path = join(folder, entry.id);
    return await this.#onSource(entry, async (source) => {
      const { ranker, objects: stored } = this.#parts;
      const written = await ranker.write(source, entry.id, path);
      const ranks = await stored.putRanks(entry, path, written);
      await ranker.discard(path);
      return ranks;
    });
  }

  /** False when there is a shard without ranks by now. */
  async #swap(stored: ReadonlyMap<string, RanksRef>, since: number): Promise<boolean> {
    const { log, manifests, retirement, clock } = this.#parts;
    await retirement.settle(log.manifest);
    const swapped = await manifests.update(log.stored, (current) => {
      const live = current.shards.map((entry) => withRanks(entry, stored.get(entry.id)));
      if (live.includes(undefined)) return undefined;
      const shards = live.filter((entry) => entry !== undefined);
      const named = shards.flatMap(({ ranks }) => (ranks === undefined ? [] : [ranks.key]));
      if (!isStillStored(current, since, named)) throw contention();
      const after = { shards, foldedThrough: current.foldedThrough };
      return { ...after, ...retirement.next(current, after), rankedAt: formatTimestamp(clock.now()) };
    });
    if (swapped === undefined) return false;
    await log.adopt(swapped);
    await this.#discardUnused(stored, swapped.manifest);
    await retirement.settle(swapped.manifest);
    return true;
  }

  /** Of shards that were rewritten between their PUT and the swap. */
  async #discardUnused(stored: ReadonlyMap<string, RanksRef>, manifest: Manifest): Promise<void> {
    const keys = [...stored.values()].map(({ key }) => key);
    await this.#parts.objects.discard(keys, manifest).catch(() => undefined); // gc takes what is left
  }

  async #onSource<T>(entry: ShardEntry, task: (source: RankSource) => Promise<T>): Promise<T> {
    const { objects, localObjects } = this.#parts;
    const { file, documents } = entry;
    try {
      return await withPins(localObjects, [file], async (pathOf) =>
        task({ path: pathOf(file), documents, file, deadBits: (await objects.deadRows(entry)).bits }),
      );
    } catch (error) {
      // A local copy may be what is damaged: the next attempt fetches its own.
      if (isMosaicError(error, "data")) await localObjects.drop(file);
      throw error;
    }
  }
}

const sum = (shards: readonly ShardEntry[], of: (shard: ShardEntry) => number): number =>
  shards.reduce((total, shard) => total + of(shard), 0);

/** Undefined for a shard that should have ranks, and has none yet. */
function withRanks(entry: ShardEntry, ranks: RanksRef | undefined): ShardEntry | undefined {
  if (ranks !== undefined) return { ...entry, ranks };
  return isFrozen(entry) ? entry : undefined;
}

const contention = (): MosaicError =>
  new MosaicError("unavailable", "compute ranks", {
    code: "write_contention",
    detail: "Other processes kept rewriting the shards whose ranks were computed; try again later.",
  });
