import { asMosaicError, type Clock, MosaicError, type SerializedError, serializeError } from "../base/index.ts";
import { cellRows, codeBits, type DeadRows, type Kernel, MissingBlocks } from "../shard/index.ts";
import type {
  LeafDocument,
  LeafFailure,
  LeafHit,
  LeafReply,
  LeafRequest,
  LeafRow,
  LookupRequest,
  MissingPart,
  ShardTarget,
  VectorRequest,
} from "./leaf-request.ts";
import type { LocalPaths, LocalPlace, OpenShard, OpenShards } from "./open-shards.ts";
import { byScore, exactScore } from "./similarity.ts";

/** Bytes that a cell takes in the kernel beside its codes: two float factors a row, rounded up generously. */
const factorBytesPerRow = 32;

/**
 * Answers leaf requests over local shard files, or the parts of them that are here. Synchronous: one request at a time, in a thread of its own or, for a
 * function that has nothing else to do, inline. A shard that fails is left out and named; the others still answer.
 */
export class Leaf {
  readonly #kernel: Kernel;
  readonly #shards: OpenShards;
  readonly #clock: Clock;

  constructor(parts: { readonly kernel: Kernel; readonly shards: OpenShards; readonly clock: Clock }) {
    this.#kernel = parts.kernel;
    this.#shards = parts.shards;
    this.#clock = parts.clock;
  }

  close(): void {
    this.#shards.close();
  }

  /** Closes a local file, so that it can be removed. */
  letGo(path: string): void {
    this.#shards.letGo(path);
  }

  answer(request: LeafRequest, paths: LocalPaths): LeafReply {
    const startedMs = this.#clock.monotonicMs();
    const run = new Run(request.shards, paths, this.#shards, this.#kernel);
    const hits = request.kind === "vector" ? run.vector(request) : [];
    const rows = request.kind === "lookup" ? run.lookup(request) : [];
    const computeMs = this.#clock.monotonicMs() - startedMs;
    return { hits, rows, failed: run.failures(), work: { ...run.work, computeMs }, missing: run.missing() };
  }
}

/** A row of one of the request's shards, as the number that the kernel carries. */
interface Located {
  readonly shard: number;
  readonly row: number;
}

interface Candidates {
  readonly refs: Uint32Array;
  readonly estimates?: Float32Array;
}

/** Rows that are read at once: few enough to stop early, enough that a statement's own cost does not show. */
const rescoreBatch = 32;

class Run {
  readonly work = { cellsSearched: 0, rowsScanned: 0, rowsRescored: 0 };
  readonly #targets: readonly ShardTarget[];
  readonly #paths: LocalPaths;
  readonly #shards: OpenShards;
  readonly #kernel: Kernel;
  readonly #failed = new Map<number, SerializedError>();
  /** By shard: blocks that were wanted and are not here. */
  readonly #missing = new Map<number, Set<number>>();
  /** First reference number of each shard: shard s, row r is #base[s] + r. */
  readonly #base: number[] = [];
  readonly #dead: (DeadRows | undefined)[] = [];
  readonly #inUse: ReadonlySet<string>;

  constructor(targets: readonly ShardTarget[], paths: LocalPaths, shards: OpenShards, kernel: Kernel) {
    this.#targets = targets;
    this.#paths = paths;
    this.#shards = shards;
    this.#kernel = kernel;
    this.#inUse = new Set(targets.map(({ entry }) => entry.file.key));
    let next = 0;
    for (const { entry } of targets) {
      this.#base.push(next);
      next += entry.documents;
    }
    targets.forEach((_target, shard) => {
      this.#attempt(shard, (open) => this.#readDeadRows(shard, open));
    });
  }

  failures(): readonly LeafFailure[] {
    return [...this.#failed].map(([shard, error]) => ({ shard: this.#target(shard).entry.id, error }));
  }

  missing(): readonly MissingPart[] {
    return [...this.#missing].map(([shard, blocks]) => ({ shard: this.#target(shard).entry.id, blocks: [...blocks] }));
  }

  vector(request: VectorRequest): readonly LeafHit[] {
    // Rows that the tail has replaced may be among the best; room for all of them keeps `limit` good ones.
    const outdated = this.#targets.reduce((sum, { excluded }) => sum + excluded.length, 0);
    const limit = request.limit + outdated;
    const candidates =
      request.mode === "exact" ? this.#scanExact(request, limit) : this.#scanCodes(request, request.rescore + outdated);
    // Candidates of a part of the cells would ask for rows that the whole of them doesn't.
    if (this.#missing.size > 0) return [];
    const scored = this.#rescore(request, candidates, limit).sort(byScore).slice(0, request.limit);
    return scored.flatMap((hit) => this.#withDocument(request, hit));
  }

  lookup(request: LookupRequest): readonly LeafRow[] {
    return request.shards.flatMap(({ ids, entry }, shard) =>
      ids.flatMap((id) => {
        const found = this.#attempt(shard, (open) => {
          const row = open.file.rowOf(id);
          if (row === undefined || this.#dead[shard]?.isDead(row)) return [];
          const full = request.withDocument ? open.file.row(row) : undefined;
          const vector = full?.embedding == null ? null : floatsCopy(full.embedding);
          return [{ id, shard: entry.id, row, document: full ?? null, vector }];
        });
        return found ?? [];
      }),
    );
  }

  #scanCodes(request: VectorRequest, capacity: number): Candidates {
    const { shard: shards, cell: cells, dot: dots } = request.visits;
    this.#kernel.beginCodes(request.query, request.query.length, capacity);
    const codeBytes = codeBits(request.query.length) / 8;
    for (let at = 0; at < cells.length; at++) {
      const shard = shards[at] as number;
      const cell = cells[at] as number;
      this.#attempt(shard, (open) => this.#scanCell(open, shard, cell, dots[at] as number, codeBytes));
    }
    return this.#kernel.best();
  }

  #scanCell(open: OpenShard, shard: number, cell: number, dot: number, codeBytes: number): void {
    const rows = this.#rowsOf(shard, cell);
    const first = cell * cellRows;
    const live = this.#dead[shard]?.liveMask(first, rows);
    const base = (this.#base[shard] as number) + first;
    const resident = open.resident(cell);
    if (resident !== undefined) this.#kernel.scanCell(resident, dot, base, live);
    else this.#scanLoaded(open, cell, rows, codeBytes, (loaded) => this.#kernel.scanCell(loaded, dot, base, live));
    this.#count(rows);
  }

  /** Loads a cell's codes to stay, or only for this scan when the bound on resident codes leaves no room. */
  #scanLoaded(
    open: OpenShard,
    cell: number,
    rows: number,
    codeBytes: number,
    scan: (loaded: ReturnType<OpenShard["load"]>) => void,
  ): void {
    const bytes = rows * (codeBytes + factorBytesPerRow);
    if (this.#shards.makeRoom(bytes, this.#inUse)) {
      scan(open.load(cell, rows, codeBytes));
      return;
    }
    const passing = this.#kernel.loadCell(open.file.codes(cell), open.file.codeScales(cell), rows, codeBytes);
    scan(passing);
    this.#kernel.freeCell(passing);
  }

  #scanExact(request: VectorRequest, limit: number): Candidates {
    this.#kernel.beginExact(request.query, request.query.length, request.distance, limit);
    this.#targets.forEach(({ entry }, shard) => {
      for (let cell = 0; cell < entry.cells; cell++) {
        this.#attempt(shard, (open) => {
          const rows = this.#rowsOf(shard, cell);
          const first = cell * cellRows;
          const live = this.#dead[shard]?.liveMask(first, rows);
          const base = (this.#base[shard] as number) + first;
          this.#kernel.scanInt8(open.file.int8(cell), open.file.exactFactors(cell), rows, base, live);
          this.#count(rows);
        });
      }
    });
    return this.#kernel.exactCandidates();
  }

  /**
   * Exact scores of the candidates. With estimates (best first), reading ends where the rest is so far below the worst
   * wanted score that none of it is expected to pass; without, all are read.
   */
  #rescore(request: VectorRequest, { refs, estimates }: Candidates, limit: number): (LeafHit & Located)[] {
    const excluded = this.#targets.map((target) =>
      target.excluded.length === 0 ? undefined : new Set(target.excluded),
    );
    const hits: (LeafHit & Located)[] = [];
    for (let from = 0; from < refs.length; from += rescoreBatch) {
      const next = estimates?.[from] ?? Number.POSITIVE_INFINITY;
      // While rows are missing there are too few hits to stop by: all candidates are asked for, so that it is one round.
      if (next + request.rescoreMargin < worstWanted(hits, limit) && this.#missing.size === 0) break;
      for (const [shard, rows] of this.#byShard(refs.subarray(from, from + rescoreBatch))) {
        this.#attempt(shard, (open) => {
          for (const { row, id, vector } of open.file.vectors(rows)) {
            this.work.rowsRescored++;
            if (excluded[shard]?.has(id)) continue;
            const score = exactScore(request.distance, request.query, vector);
            hits.push({ id, score, document: null, vector: request.withVector ? vector.slice() : null, shard, row });
          }
        });
      }
    }
    return hits.filter(({ shard }) => !this.#failed.has(shard));
  }

  #byShard(refs: Uint32Array): Map<number, number[]> {
    const rows = new Map<number, number[]>();
    for (const ref of refs) {
      const { shard, row } = this.#locate(ref);
      const known = rows.get(shard);
      if (known === undefined) rows.set(shard, [row]);
      else known.push(row);
    }
    return rows;
  }

  #withDocument(request: VectorRequest, hit: LeafHit & Located): readonly LeafHit[] {
    const { id, score, vector, shard, row } = hit;
    if (!request.withText) return [{ id, score, vector, document: null }];
    const document = this.#attempt(shard, (open) => textOf(open, row));
    return document === undefined ? [] : [{ id, score, vector, document }];
  }

  /** Runs `task` on a shard unless it failed before; a failure is kept and ends the shard's part in the answer. */
  #attempt<T>(shard: number, task: (open: OpenShard) => T): T | undefined {
    if (this.#failed.has(shard)) return undefined;
    const { file } = this.#target(shard).entry;
    try {
      return this.#shards.use(file, this.#placeOf(file.key), task);
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
    const { deletes } = this.#target(shard).entry;
    if (deletes !== null) this.#dead[shard] = open.deadRows(deletes, this.#placeOf(deletes.key) as string);
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

  #rowsOf(shard: number, cell: number): number {
    return Math.min(cellRows, this.#target(shard).entry.vectors - cell * cellRows);
  }

  #locate(ref: number): Located {
    let shard = this.#base.length - 1;
    while ((this.#base[shard] as number) > ref) shard--;
    return { shard, row: ref - (this.#base[shard] as number) };
  }

  #target(shard: number): ShardTarget {
    return this.#targets[shard] as ShardTarget;
  }

  #count(rows: number): void {
    this.work.cellsSearched++;
    this.work.rowsScanned += rows;
  }
}

/** The `limit`-th best score; −Infinity while there are fewer. */
function worstWanted(hits: readonly LeafHit[], limit: number): number {
  if (hits.length < limit) return Number.NEGATIVE_INFINITY;
  const scores = Float64Array.from(hits, ({ score }) => score).sort();
  return scores[scores.length - limit] as number;
}

function textOf(open: OpenShard, row: number): LeafDocument {
  const { text, metadata, createdAt, updatedAt } = open.file.row(row);
  return { text, metadata, createdAt, updatedAt };
}

const floatsCopy = (blob: Uint8Array): Float32Array => {
  const copy = new Float32Array(blob.byteLength / 4);
  new Uint8Array(copy.buffer).set(blob);
  return copy;
};
