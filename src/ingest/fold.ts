import { join } from "node:path";
import { type Clock, type DocumentId, formatTimestamp, type Logger, type Random, type ShardId } from "../base/index.ts";
import {
  type DeletesRef,
  isStillStored,
  liveDocuments,
  type Manifest,
  type ManifestStore,
  type ObjectRef,
  type Retirement,
  rowFileOf,
  type ShardEntry,
  type Stored,
} from "../manifest/index.ts";
import {
  cellRows,
  type DeadRows,
  hashOf,
  knownDeaths,
  type ObjectFiles,
  type PathOf,
  type ShardRow,
  type Summaries,
  withFiles,
} from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import type { MeasuredShard, SourceFile } from "./build-job.ts";
import type { ShardBuilder } from "./builder.ts";
import type { CollectionLog } from "./collection-log.ts";
import { chooseMerge } from "./merge-policy.ts";
import { type Operation, operationBytes, type Upsert } from "./segment.ts";
import { ranksOf, ShardObjects } from "./shard-objects.ts";

export interface FoldParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly manifests: ManifestStore;
  readonly summaries: Summaries;
  readonly localObjects: ObjectFiles;
  readonly builder: ShardBuilder;
  /** Local folder for files under construction. */
  readonly workFolder: string;
  readonly shardMaxBytes: number;
  readonly retirement: Retirement;
}

/** What one fold will do, made from one moment's manifest and tail. */
interface Plan {
  readonly id: string;
  readonly base: Stored;
  readonly through: number;
  readonly operations: ReadonlyMap<DocumentId, Operation>;
  readonly merge: readonly ShardEntry[];
  readonly stay: readonly ShardEntry[];
}

/** Shards with the ids that may have a row in them. */
type Candidates = ReadonlyMap<ShardEntry, readonly string[]>;

/** New shards, and the rows that die in those that stay. */
interface Built {
  readonly shards: readonly MeasuredShard[];
  readonly deaths: ReadonlyMap<ShardEntry, Deaths>;
}

interface Deaths {
  readonly before: DeadRows;
  readonly rows: readonly number[];
  /** See `DeadRows.with`. */
  readonly terms: Uint8Array | undefined;
}

export type FoldOutcome = "folded" | "nothing" | "overtaken";

/**
 * Moves the tail into shards: builds one from its documents (and the live rows of small shards that are due for
 * merging, with their ranks), marks the rows that it replaces or deletes as dead, and swaps the manifest. Until the swap nothing of it is
 * visible; running it twice, or in two processes, is harmless: the swap of one of them finds its base gone.
 * Requests: 3 PUT a new shard, 1 a shard with new deaths, 2 for the swap.
 */
export class Fold {
  readonly #log: CollectionLog;
  readonly #parts: FoldParts;
  readonly #objects: ShardObjects;

  constructor(log: CollectionLog, parts: FoldParts) {
    this.#log = log;
    this.#parts = parts;
    this.#objects = new ShardObjects(parts, log.scope);
  }

  async run(): Promise<FoldOutcome> {
    await this.#log.refresh();
    const plan = this.#plan();
    if (plan === undefined) return "nothing";
    const folder = join(this.#parts.workFolder, plan.id);
    try {
      const { shards, deaths } = await this.#buildWith(plan, folder);
      const added = await Promise.all(shards.map((shard) => this.#store(plan, shard)));
      const deletes = await this.#storeDeaths(deaths);
      return await this.#swap(plan, added, deletes);
    } finally {
      await this.#parts.builder.discard(folder);
    }
  }

  #plan(): Plan | undefined {
    const { stored: base, tail } = this.#log;
    const through = tail.lastSequence;
    if (through === base.manifest.foldedThrough) return undefined;
    const operations = tail.through(through);
    const upserts = [...operations.values()].filter(isUpsert);
    const bytes = upserts.reduce((sum, operation) => sum + operationBytes(operation), 0);
    const { shards, settings } = base.manifest;
    const limits = { maxDocs: settings.shardMaxDocs, maxBytes: this.#parts.shardMaxBytes };
    const merge = upserts.length === 0 ? [] : chooseMerge(shards, upserts.length, bytes, limits);
    const id = this.#parts.random.nonce(8);
    return { id, base, through, operations, merge, stay: shards.filter((shard) => !merge.includes(shard)) };
  }

  /** The files that it reads stay until it is done; a local copy that turns out to be damaged is fetched again, once. */
  async #buildWith(plan: Plan, folder: string): Promise<Built> {
    const candidates = this.#mayHold(plan);
    const files = [
      ...plan.merge.flatMap(({ file, ranks }) => (ranks === undefined ? [file] : [file, ranks])),
      ...[...candidates.keys()].map(rowFileOf),
    ];
    return await withFiles(this.#parts.localObjects, files, (pathOf) => this.#build(plan, candidates, pathOf, folder));
  }

  async #build(plan: Plan, candidates: Candidates, pathOf: PathOf, folder: string): Promise<Built> {
    const { builder, shardMaxBytes, random, clock } = this.#parts;
    const { settings } = plan.base.manifest;
    const rows = [...plan.operations.values()].filter(isUpsert).map(asRow);
    const merge = await Promise.all(
      plan.merge.map(async (entry) => ({
        ...sourceOf(entry.file, pathOf),
        rows: entry.documents,
        ranks: ranksOf(entry, pathOf),
        deadBits: (await this.#objects.deadRows(entry)).bits,
      })),
    );
    const before = await Promise.all([...candidates.keys()].map((entry) => this.#objects.deadRows(entry)));
    const lookups = [...candidates].map(([entry, ids], at) => ({
      ...sourceOf(rowFileOf(entry), pathOf),
      ids,
      dead: knownDeaths(before[at] as DeadRows),
    }));
    const total = rows.length + plan.merge.reduce((sum, entry) => sum + liveDocuments(entry), 0);
    const { shards, found, terms } = await builder.build({
      input: {
        folder,
        dimensions: settings.dimensions,
        distance: settings.distance,
        language: settings.language,
        maxDocs: settings.shardMaxDocs,
        maxBytes: shardMaxBytes,
        rows,
        merge,
        superseded: new Set(plan.operations.keys()),
        shardIds: Array.from({ length: mostShards(total) }, () => random.id(clock.now())),
      },
      lookups,
    });
    const deaths = new Map(
      [...candidates.keys()].map(
        (entry, at) => [entry, { before: before[at] as DeadRows, rows: found[at] ?? [], terms: terms?.[at] }] as const,
      ),
    );
    return { shards, deaths };
  }

  /** For each shard that stays: the ids of the tail that its filter can't exclude. */
  #mayHold(plan: Plan): Candidates {
    const hashes = [...plan.operations.keys()].map((id) => ({ id, hash: hashOf(id) }));
    const candidates = new Map<ShardEntry, readonly string[]>();
    for (const entry of plan.stay) {
      const filter = this.#parts.summaries.of(entry.id).ids;
      const ids = hashes.filter(({ hash }) => filter.mayHoldHash(hash)).map(({ id }) => id as string);
      if (ids.length > 0) candidates.set(entry, ids);
    }
    return candidates;
  }

  async #store(plan: Plan, built: MeasuredShard): Promise<ShardEntry> {
    const full = built.full || built.documents >= plan.base.manifest.settings.shardMaxDocs;
    return await this.#objects.put(built, plan.id, full ? "sealed" : "active");
  }

  /** New bitmaps of the shards that lose rows. */
  async #storeDeaths(deaths: Built["deaths"]): Promise<ReadonlyMap<ShardId, DeletesRef>> {
    const stored = await Promise.all(
      [...deaths].map(
        async ([entry, { before, rows, terms }]) =>
          [entry.id, await this.#objects.putDeaths(entry, before, rows, terms)] as const,
      ),
    );
    return new Map(stored.flatMap(([id, ref]) => (ref === undefined ? [] : [[id, ref] as const])));
  }

  async #swap(
    plan: Plan,
    added: readonly ShardEntry[],
    deletes: ReadonlyMap<ShardId, DeletesRef>,
  ): Promise<FoldOutcome> {
    const { manifests, logger } = this.#parts;
    const base = plan.base.manifest;
    const written = [
      ...added.flatMap(({ file, summary, terms }) => [file.key, summary.key, terms.key]),
      ...[...deletes.values()].map(({ key }) => key),
    ];
    await this.#parts.retirement.settle(base);
    const swapped = await manifests.update(plan.base, (current) =>
      sameInputs(base, current) && isStillStored(current, base.generation, written)
        ? this.#next(plan, current, added, deletes)
        : undefined,
    );
    if (swapped === undefined) {
      await this.#objects.discard(written, (await manifests.read())?.manifest);
      await this.#log.refresh();
      return "overtaken";
    }
    await this.#log.adopt(swapped);
    logger.debug("folded", { through: plan.through, shards: added.length, merged: plan.merge.length });
    await this.#parts.retirement.settle(swapped.manifest);
    return "folded";
  }

  #next(
    plan: Plan,
    current: Manifest,
    added: readonly ShardEntry[],
    deletes: ReadonlyMap<ShardId, DeletesRef>,
  ): Partial<Manifest> {
    const { clock, retirement } = this.#parts;
    const stay = plan.stay.map((entry) => ({ ...entry, deletes: deletes.get(entry.id) ?? entry.deletes }));
    const shards = [...stay.filter((entry) => liveDocuments(entry) > 0), ...added];
    const after = { foldedThrough: plan.through, shards };
    return { ...after, ...retirement.next(current, after), foldedAt: formatTimestamp(clock.now()) };
  }
}

/** A build cuts at cells of 512 rows (and once between rows with and without a vector), so it makes no more than this. */
const mostShards = (rows: number): number => Math.ceil(rows / cellRows) + 2;

const sourceOf = (file: ObjectRef, pathOf: PathOf): SourceFile => ({ path: pathOf(file), expected: file });

const isUpsert = (operation: Operation): operation is Upsert => operation.kind === "upsert";

function asRow({ id, text, metadata, createdAt, updatedAt, vector }: Upsert): ShardRow {
  const embedding = vector === null ? null : new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  return { id, text, metadata, createdAt, updatedAt, pagerank: 0, embedding };
}

/** A fold's result holds only for the tail and the shards that it was made from, dead rows and repairs included. */
function sameInputs(base: Manifest, current: Manifest): boolean {
  const identity = ({ shards, foldedThrough, incarnation }: Manifest): string =>
    JSON.stringify([incarnation, foldedThrough, shards]);
  return identity(base) === identity(current);
}
