import { asMosaicError, type Clock, MosaicError, type SerializedError, serializeError } from "../base/index.ts";
import {
  cellRows,
  codeBits,
  type DeadRows,
  floatsOf,
  type Kernel,
  MissingBlocks,
  PostingsCursor,
  type StoredRow,
  type TextLists,
  TextScan,
  TopRows,
} from "../shard/index.ts";
import type {
  DeadTerms,
  DeadTermsRequest,
  FeatureRequest,
  LeafDocument,
  LeafFailure,
  LeafHit,
  LeafReply,
  LeafRequest,
  LeafRow,
  LookupRequest,
  MissingPart,
  RowFeatures,
  ShardTarget,
  TermNumbers,
  TextRequest,
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
    const found = answerOf(run, request);
    const computeMs = this.#clock.monotonicMs() - startedMs;
    return {
      hits: [],
      rows: [],
      ...found,
      failed: run.failures(),
      work: { ...run.work, computeMs },
      missing: run.missing(),
    };
  }
}

function answerOf(run: Run, request: LeafRequest): Partial<LeafReply> {
  switch (request.kind) {
    case "vector":
      return { hits: run.vector(request) };
    case "lookup":
      return { rows: run.lookup(request) };
    case "text":
      return { hits: run.text(request) };
    case "dead terms":
      return { dead: run.deadTerms(request) };
    case "features":
      return { features: run.features(request) };
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
  readonly #excluded = new Map<number, ReadonlySet<number>>();
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
    const candidates = this.#candidates(request, limit, request.rescore + outdated);
    // Candidates of a part of the cells would ask for rows that the whole of them doesn't.
    if (this.#missing.size > 0) return [];
    const scored = this.#rescore(request, candidates, limit).sort(byScore).slice(0, request.limit);
    return scored.flatMap((hit) => this.#withDocument(request, hit));
  }

  #candidates(request: VectorRequest, limit: number, rescore: number): Candidates {
    if (request.mode === "exact") return this.#scanExact(request, limit);
    return request.mode === "rows" ? this.#allMatching() : this.#scanCodes(request, rescore);
  }

  /** Every row with a vector that is alive and fulfils the filter. */
  #allMatching(): Candidates {
    const refs: number[] = [];
    this.#targets.forEach(({ entry, matching }, shard) => {
      for (let row = 0; row < entry.vectors; row++) {
        if (hasBit(matching, row) && !this.#dead[shard]?.isDead(row)) refs.push((this.#base[shard] as number) + row);
      }
    });
    return { refs: Uint32Array.from(refs) };
  }

  text({ shards, scoring, limit }: TextRequest): readonly LeafHit[] {
    const top = new TopRows(limit);
    const phrases = new Set(
      scoring.clauses.flatMap(({ kind, terms }) => (kind === "all" && terms.length > 1 ? terms : [])),
    );
    // All that is wanted of all shards is asked for before any of it is used, so that what is missing is one round.
    const ready = shards.map(({ terms }, shard) => this.#listsOf(shard, terms, phrases));
    if (this.#missing.size > 0) return [];
    ready.forEach((lists, shard) => {
      if (lists === undefined) return;
      this.#attempt(shard, () => {
        this.work.rowsScanned += new TextScan(lists, scoring).best(top, shard, this.#liveness(shard));
      });
    });
    const found = top.take().filter(({ shard }) => !this.#failed.has(shard));
    const ids = new Map<number, readonly string[]>();
    const rowsOf = (shard: number): number[] => found.filter((one) => one.shard === shard).map(({ row }) => row);
    for (const shard of new Set(found.map((one) => one.shard)))
      this.#attempt(shard, (open) => ids.set(shard, open.file.idsOf(rowsOf(shard))));
    const next = new Map<number, number>();
    const hits = found.flatMap(({ score, shard, row }): LeafHit[] => {
      const at = next.get(shard) ?? 0;
      next.set(shard, at + 1);
      const id = ids.get(shard)?.[at];
      return id === undefined ? [] : [{ id, score, document: null, vector: null, place: this.#placeOfRow(shard, row) }];
    });
    return hits.sort(byScore).slice(0, limit);
  }

  /** Undefined when nothing of the query is in the shard, or what is can't be had. */
  #listsOf(shard: number, terms: TermNumbers, phrases: ReadonlySet<number>): TextLists | undefined {
    if (terms.every((number) => number === 0)) return undefined;
    const read = <T>(what: (open: OpenShard) => T): T | undefined => this.#attempt(shard, what);
    const lengths = read((open) => open.lengths());
    const postings = terms.map((number) => (number === 0 ? undefined : read((open) => open.file.postings(number))));
    const positions = terms.map((number, at) =>
      number === 0 || !phrases.has(at) ? undefined : read((open) => open.file.positions(number)),
    );
    this.#excludedRows(shard);
    return lengths === undefined || this.#failed.has(shard) ? undefined : { lengths, postings, positions };
  }

  /** Whether a row belongs to the collection as it is, and fulfils the filter. */
  #liveness(shard: number): (row: number) => boolean {
    const { matching } = this.#target(shard);
    const dead = this.#dead[shard];
    const excluded = this.#excludedRows(shard);
    return (row) =>
      !(dead?.isDead(row) ?? false) && !excluded.has(row) && (matching === undefined || hasBit(matching, row));
  }

  /** Rows of ids that the tail replaces or deletes. */
  #excludedRows(shard: number): ReadonlySet<number> {
    const known = this.#excluded.get(shard);
    if (known !== undefined) return known;
    const rows = new Set<number>();
    for (const id of this.#target(shard).excluded) {
      const row = this.#attempt(shard, (open) => open.rowOf(id));
      if (row !== undefined) rows.add(row);
    }
    this.#excluded.set(shard, rows);
    return rows;
  }

  deadTerms({ shards }: DeadTermsRequest): readonly DeadTerms[] {
    return shards.flatMap(({ terms, entry }, shard): DeadTerms[] => {
      const lists = this.#listsOf(shard, [...terms, 0], new Set());
      const lengths = lists?.lengths ?? this.#attempt(shard, (open) => open.lengths());
      const excluded = this.#excludedRows(shard);
      if (lengths === undefined || this.#missing.size > 0 || this.#failed.has(shard)) return [];
      const dead = this.#dead[shard];
      const rows: number[] = [];
      for (let row = 0; row < entry.documents; row++) if (dead?.isDead(row) || excluded.has(row)) rows.push(row);
      const holding = terms.map((_number, at) => {
        const list = lists?.postings[at];
        if (list === undefined) return 0;
        const cursor = new PostingsCursor(list);
        return rows.reduce((sum, row) => (cursor.advance(row) === row ? sum + 1 : sum), 0);
      });
      const count = rows.reduce((sum, row) => sum + (lengths[row] as number), 0);
      return [{ shard: entry.id, documents: rows.length, terms: count, holding }];
    });
  }

  features(request: FeatureRequest): readonly RowFeatures[] {
    const { shards, scoring } = request;
    const phrases = new Set(
      (scoring?.clauses ?? []).flatMap(({ kind, terms }) => (kind === "all" && terms.length > 1 ? terms : [])),
    );
    const lists = shards.map(({ terms }, shard) =>
      scoring === null ? undefined : this.#listsOf(shard, terms, phrases),
    );
    const stored = shards.map(({ rows }, shard) =>
      rows.map((row) => this.#attempt(shard, (open) => open.file.row(row))),
    );
    if (this.#missing.size > 0) return [];
    return shards.flatMap(({ rows }, shard) => {
      const own = lists[shard];
      const bm25 =
        own === undefined || scoring === null
          ? undefined
          : this.#attempt(shard, () => new TextScan(own, scoring).scores(rows));
      if (this.#failed.has(shard)) return [];
      return rows.map((row, at) =>
        featuresOf(request, stored[shard]?.[at] as StoredRow, this.#placeOfRow(shard, row), bm25?.[at] ?? 0),
      );
    });
  }

  #placeOfRow(shard: number, row: number): { readonly shard: string; readonly row: number } {
    return { shard: this.#target(shard).entry.id, row };
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
    const live = this.#mask(shard, first, rows);
    if (live === "none") return;
    const base = (this.#base[shard] as number) + first;
    const resident = open.resident(cell);
    if (resident !== undefined) this.#kernel.scanCell(resident, dot, base, live);
    else this.#scanLoaded(open, cell, rows, codeBytes, (loaded) => this.#kernel.scanCell(loaded, dot, base, live));
    this.#count(rows);
  }

  /** A bit for each row of a cell that counts; undefined when all of them do. */
  #mask(shard: number, first: number, rows: number): Uint8Array | undefined | "none" {
    const live = this.#dead[shard]?.liveMask(first, rows);
    const { matching } = this.#target(shard);
    if (matching === undefined) return live;
    const mask = new Uint8Array(cellRows / 8);
    mask.set(matching.subarray(first >>> 3, (first + rows + 7) >>> 3));
    if (live !== undefined)
      for (let at = 0; at < mask.length; at++) mask[at] = (mask[at] as number) & (live[at] as number);
    return mask.every((byte) => byte === 0) ? "none" : mask;
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
          const live = this.#mask(shard, first, rows);
          if (live === "none") return;
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
    const place = this.#placeOfRow(shard, row);
    if (!request.withText) return [{ id, score, vector, document: null, place }];
    const document = this.#attempt(shard, (open) => textOf(open, row));
    return document === undefined ? [] : [{ id, score, vector, document, place }];
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

const hasBit = (bits: Uint8Array | undefined, row: number): boolean =>
  (((bits?.[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1;

function featuresOf(
  { query, distance, withText, withVector }: FeatureRequest,
  { id, text, metadata, createdAt, updatedAt, pagerank, embedding }: StoredRow,
  place: { readonly shard: string; readonly row: number },
  bm25: number,
): RowFeatures {
  const vector = embedding === null ? null : floatsOf(embedding);
  return {
    ...place,
    id,
    similarity: query === null || vector === null ? null : exactScore(distance, query, vector),
    bm25,
    createdAt,
    pagerank,
    document: withText ? { text, metadata, createdAt, updatedAt } : null,
    vector: withVector && vector !== null ? vector.slice() : null,
  };
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
