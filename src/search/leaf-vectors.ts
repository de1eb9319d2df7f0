import { cellRows, codeBits } from "../shard/index.ts";
import type { LeafDocument, LeafHit, VectorRequest } from "./leaf-request.ts";
import { hasBit, type LeafRun, type Located } from "./leaf-run.ts";
import type { OpenShard } from "./open-shards.ts";
import { byScore, exactScore } from "./similarity.ts";

/** Bytes that a cell takes in the kernel beside its codes: two float factors a row, rounded up generously. */
const factorBytesPerRow = 32;

/** Rows that are read at once: few enough to stop early, enough that a statement's own cost does not show. */
const rescoreBatch = 32;

interface Candidates {
  readonly refs: Uint32Array;
  readonly estimates?: Float32Array;
}

/** The nearest rows of all shards together, with what was asked for of each. */
export function nearestRows(run: LeafRun, request: VectorRequest): readonly LeafHit[] {
  // Rows that the tail has replaced may be among the best; room for all of them keeps `limit` good ones.
  const outdated = run.targets.reduce((sum, { excluded }) => sum + excluded.length, 0);
  const limit = request.limit + outdated;
  const candidates = candidatesOf(run, request, limit, request.rescore + outdated);
  // Candidates of a part of the cells would ask for rows that the whole of them doesn't.
  if (run.isIncomplete) return [];
  const scored = rescored(run, request, candidates, limit).sort(byScore).slice(0, request.limit);
  return scored.flatMap((hit) => withDocument(run, request, hit));
}

function candidatesOf(run: LeafRun, request: VectorRequest, limit: number, rescore: number): Candidates {
  if (request.mode === "exact") return scanExact(run, request, limit);
  return request.mode === "rows" ? allMatching(run) : scanCodes(run, request, rescore);
}

/** Every row with a vector that is alive and fulfils the filter. */
function allMatching(run: LeafRun): Candidates {
  const refs: number[] = [];
  run.targets.forEach(({ entry, matching }, shard) => {
    for (let row = 0; row < entry.vectors; row++) {
      if (hasBit(matching, row) && !run.dead[shard]?.isDead(row)) refs.push((run.base[shard] as number) + row);
    }
  });
  return { refs: Uint32Array.from(refs) };
}

function scanCodes(run: LeafRun, request: VectorRequest, capacity: number): Candidates {
  const { shard: shards, cell: cells, dot: dots } = request.visits;
  run.kernel.beginCodes(request.query, request.query.length, capacity);
  const codeBytes = codeBits(request.query.length) / 8;
  for (let at = 0; at < cells.length; at++) {
    const shard = shards[at] as number;
    const cell = cells[at] as number;
    run.attempt(shard, (open) => scanCell(run, open, shard, cell, dots[at] as number, codeBytes));
  }
  return run.kernel.best();
}

function scanCell(run: LeafRun, open: OpenShard, shard: number, cell: number, dot: number, codeBytes: number): void {
  const rows = run.rowsOf(shard, cell);
  const first = cell * cellRows;
  const live = run.mask(shard, first, rows);
  if (live === "none") return;
  const base = (run.base[shard] as number) + first;
  const resident = open.resident(cell);
  if (resident !== undefined) run.kernel.scanCell(resident, dot, base, live);
  else scanLoaded(run, open, cell, rows, codeBytes, (loaded) => run.kernel.scanCell(loaded, dot, base, live));
  run.count(rows);
}

/** Loads a cell's codes to stay, or only for this scan when the bound on resident codes leaves no room. */
function scanLoaded(
  run: LeafRun,
  open: OpenShard,
  cell: number,
  rows: number,
  codeBytes: number,
  scan: (loaded: ReturnType<OpenShard["load"]>) => void,
): void {
  const bytes = rows * (codeBytes + factorBytesPerRow);
  if (run.shards.makeRoom(bytes, run.inUse)) {
    scan(open.load(cell, rows, codeBytes));
    return;
  }
  const passing = run.kernel.loadCell(open.file.codes(cell), open.file.codeScales(cell), rows, codeBytes);
  scan(passing);
  run.kernel.freeCell(passing);
}

function scanExact(run: LeafRun, request: VectorRequest, limit: number): Candidates {
  run.kernel.beginExact(request.query, request.query.length, request.distance, limit);
  run.targets.forEach(({ entry }, shard) => {
    for (let cell = 0; cell < entry.cells; cell++) {
      run.attempt(shard, (open) => {
        const rows = run.rowsOf(shard, cell);
        const first = cell * cellRows;
        const live = run.mask(shard, first, rows);
        if (live === "none") return;
        const base = (run.base[shard] as number) + first;
        run.kernel.scanInt8(open.file.int8(cell), open.file.exactFactors(cell), rows, base, live);
        run.count(rows);
      });
    }
  });
  return run.kernel.exactCandidates();
}

/**
 * Exact scores of the candidates. With estimates (best first), reading ends where the rest is so far below the worst
 * wanted score that none of it is expected to pass; without, all are read.
 */
function rescored(
  run: LeafRun,
  request: VectorRequest,
  { refs, estimates }: Candidates,
  limit: number,
): (LeafHit & Located)[] {
  const excluded = run.targets.map((target) => (target.excluded.length === 0 ? undefined : new Set(target.excluded)));
  const hits: (LeafHit & Located)[] = [];
  for (let from = 0; from < refs.length; from += rescoreBatch) {
    const next = estimates?.[from] ?? Number.POSITIVE_INFINITY;
    // While rows are missing there are too few hits to stop by: all candidates are asked for, so that it is one round.
    if (next + request.rescoreMargin < worstWanted(hits, limit) && !run.isIncomplete) break;
    for (const [shard, rows] of byShard(run, refs.subarray(from, from + rescoreBatch))) {
      run.attempt(shard, (open) => {
        for (const { row, id, vector } of open.file.vectors(rows)) {
          run.work.rowsRescored++;
          if (excluded[shard]?.has(id)) continue;
          const score = exactScore(request.distance, request.query, vector);
          hits.push({ id, score, document: null, vector: request.withVector ? vector.slice() : null, shard, row });
        }
      });
    }
  }
  return hits.filter(({ shard }) => !run.hasFailed(shard));
}

function byShard(run: LeafRun, refs: Uint32Array): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (const ref of refs) {
    const { shard, row } = run.locate(ref);
    const known = rows.get(shard);
    if (known === undefined) rows.set(shard, [row]);
    else known.push(row);
  }
  return rows;
}

function withDocument(run: LeafRun, request: VectorRequest, hit: LeafHit & Located): readonly LeafHit[] {
  const { id, score, vector, shard, row } = hit;
  const place = run.placeOfRow(shard, row);
  if (!request.withText) return [{ id, score, vector, document: null, place }];
  const document = run.attempt(shard, (open) => textOf(open, row));
  return document === undefined ? [] : [{ id, score, vector, document, place }];
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
