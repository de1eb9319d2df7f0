import { asMosaicError, MosaicError, type SerializedError, serializeError } from "../base/index.ts";
import {
  allRows,
  cellRows,
  type DeadRows,
  intersect,
  type Kernel,
  MissingBlocks,
  type RowSet,
  subtract,
} from "../shard/index.ts";
import type { LeafFailure, MissingPart, ShardTarget } from "./leaf-request.ts";
import type { LocalPaths, LocalPlace, OpenShard, OpenShards } from "./open-shards.ts";

/** A row of one of the request's shards, as the number that the kernel carries. */
export interface Located {
  readonly shard: number;
  readonly row: number;
}

/**
 * What one request has to do with its shards: which rows count, what failed, what is not here. Shards are numbered as the request
 * names them. A shard that fails is left out and named; the others still answer.
 */
export class LeafRun {
  readonly work = { cellsSearched: 0, rowsScanned: 0, rowsRescored: 0 };
  readonly targets: readonly ShardTarget[];
  readonly shards: OpenShards;
  readonly kernel: Kernel;
  /** Keys of the request's files: their codes are not given up for each other. */
  readonly inUse: ReadonlySet<string>;
  /** First reference number of each shard: shard s, row r is base[s] + r. */
  readonly base: number[] = [];
  readonly dead: (DeadRows | undefined)[] = [];
  readonly #paths: LocalPaths;
  readonly #failed = new Map<number, SerializedError>();
  /** By shard: blocks that were wanted and are not here. */
  readonly #missing = new Map<number, Set<number>>();
  readonly #excluded = new Map<number, ReadonlySet<number>>();

  constructor(targets: readonly ShardTarget[], paths: LocalPaths, shards: OpenShards, kernel: Kernel) {
    this.targets = targets;
    this.#paths = paths;
    this.shards = shards;
    this.kernel = kernel;
    this.inUse = new Set(targets.map(({ entry }) => entry.file.key));
    let next = 0;
    for (const { entry } of targets) {
      this.base.push(next);
      next += entry.documents;
    }
    targets.forEach((_target, shard) => {
      this.attempt(shard, (open) => this.#readDeadRows(shard, open));
    });
  }

  hasFailed(shard: number): boolean {
    return this.#failed.has(shard);
  }

  /** Whether something is not here: then there is no answer yet, and what else is wanted should be asked for too. */
  get isIncomplete(): boolean {
    return this.#missing.size > 0;
  }

  failures(): readonly LeafFailure[] {
    return [...this.#failed].map(([shard, error]) => ({ shard: this.target(shard).entry.id, error }));
  }

  missing(): readonly MissingPart[] {
    return [...this.#missing].map(([shard, blocks]) => ({ shard: this.target(shard).entry.id, blocks: [...blocks] }));
  }

  /** Runs `task` on a shard unless it failed before; a failure is kept and ends the shard's part in the answer. */
  attempt<T>(shard: number, task: (open: OpenShard) => T): T | undefined {
    if (this.#failed.has(shard)) return undefined;
    const { file } = this.target(shard).entry;
    try {
      return this.shards.use(file, this.#placeOf(file.key), task);
    } catch (error) {
      if (error instanceof MissingBlocks) this.#miss(shard, error.blocks);
      else this.#failed.set(shard, serializeError(asMosaicError(error, "search shard")));
      return undefined;
    }
  }

  #miss(shard: number, blocks: ReadonlySet<number>): void {
    const known = this.#missing.get(shard) ?? new Set();
    for (const block of blocks) known.add(block);
    this.#missing.set(shard, known);
  }

  #readDeadRows(shard: number, open: OpenShard): void {
    const { deletes } = this.target(shard).entry;
    if (deletes !== null) this.dead[shard] = open.deadRows(deletes, this.#placeOf(deletes.key) as string);
  }

  /** Ranks by row that count instead of the file's, where there are any and the request wants them. */
  ranksOf(shard: number): Float64Array | undefined {
    const { ranks, entry } = this.target(shard);
    if (ranks === undefined) return undefined;
    return this.attempt(shard, (open) => open.ranks(ranks, this.#placeOf(ranks.key) as string, entry));
  }

  #placeOf(key: string): LocalPlace {
    const place = this.#paths[key];
    if (place !== undefined) return place;
    throw new MosaicError("unavailable", "fetch object", {
      code: "shard_unavailable",
      detail: "A shard file was not fetched; its documents are missing from this answer.",
      key,
    });
  }

  /** Rows of ids that the tail replaces or deletes. */
  excludedRows(shard: number): ReadonlySet<number> {
    const known = this.#excluded.get(shard);
    if (known !== undefined) return known;
    const rows = new Set<number>();
    for (const id of this.target(shard).excluded) {
      const row = this.attempt(shard, (open) => open.rowOf(id));
      if (row !== undefined) rows.add(row);
    }
    this.#excluded.set(shard, rows);
    return rows;
  }

  /** The rows that belong to the collection as it is, and fulfil the filter; undefined: all of them. */
  liveRows(shard: number): RowSet | undefined {
    const { matching, entry } = this.target(shard);
    const dead = this.dead[shard];
    const excluded = this.excludedRows(shard);
    if (dead === undefined && excluded.size === 0 && matching === undefined) return undefined;
    const live = allRows(entry.documents);
    if (matching !== undefined) intersect(live, matching);
    if (dead !== undefined) subtract(live, dead.bits);
    for (const row of excluded) live[row >>> 3] = (live[row >>> 3] as number) & ~(1 << (row & 7));
    return live;
  }

  /** A bit for each row of a cell that counts; undefined when all of them do. */
  mask(shard: number, first: number, rows: number): Uint8Array | undefined | "none" {
    const live = this.dead[shard]?.liveMask(first, rows);
    const { matching } = this.target(shard);
    if (matching === undefined) return live;
    const mask = new Uint8Array(cellRows / 8);
    mask.set(matching.subarray(first >>> 3, (first + rows + 7) >>> 3));
    if (live !== undefined)
      for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) & (live[at] as number);
    return mask.every((byte) => byte === 0) ? "none" : mask;
  }

  rowsOf(shard: number, cell: number): number {
    return Math.min(cellRows, this.target(shard).entry.vectors - cell * cellRows);
  }

  locate(ref: number): Located {
    let shard = this.base.length - 1;
    while ((this.base[shard] as number) > ref) shard--;
    return { shard, row: ref - (this.base[shard] as number) };
  }

  placeOfRow(shard: number, row: number): { readonly shard: string; readonly row: number } {
    return { shard: this.target(shard).entry.id, row };
  }

  target(shard: number): ShardTarget {
    return this.targets[shard] as ShardTarget;
  }

  count(rows: number): void {
    this.work.cellsSearched++;
    this.work.rowsScanned += rows;
  }
}

export const hasBit = (bits: Uint8Array | undefined, row: number): boolean =>
  (((bits?.[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1;
