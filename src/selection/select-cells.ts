import type { CellIndex } from "./cell-index.ts";
import { type RecallTarget, rowsToScan, spreadFactor } from "./recall.ts";

/** Cells to visit, most promising first; columns of equal length, so that they cross to a thread as plain memory. */
export interface CellVisits {
  /** Index into the shards of the index (in a leaf's request: into its shards). */
  readonly shard: Uint32Array;
  readonly cell: Uint32Array;
  /** Inner product of query and the cell's centroid. */
  readonly dot: Float32Array;
}

export interface Selection {
  readonly visits: CellVisits;
  readonly shards: readonly { readonly kept: boolean; readonly reason: string; readonly cells: number }[];
}

export interface SelectionRequest {
  readonly index: CellIndex;
  /** Of unit length. */
  readonly query: Float32Array;
  /** Undefined: every cell (exact). */
  readonly target: RecallTarget | undefined;
  /** At most this many shards; undefined: as many as the target needs. */
  readonly shardLimit: number | undefined;
}

/**
 * Ranks the cells of all shards by how high a row in them may score, q·c + α·spread, and keeps the best until the rows
 * that the target asks for are covered.
 */
export function selectCells({ index, query, target, shardLimit }: SelectionRequest): Selection {
  // Exact and unlimited: the order does not matter, so nothing is computed.
  if (target === undefined && shardLimit === undefined) return everything(index);
  const dot = index.centroids.dots(query);
  const ranked = descending(reach(dot, index.spread));
  const allowed = shardLimit === undefined ? undefined : bestShards(ranked, index, shardLimit);
  const within = allowed === undefined ? ranked : ranked.filter((at) => allowed.has(index.shard[at] as number));
  const chosen = target === undefined ? within : covering(within, index, target);
  const visits = { shard: picked(index.shard, chosen), cell: picked(index.cell, chosen), dot: picked(dot, chosen) };
  const counts = new Uint32Array(index.shards);
  for (const shard of visits.shard) counts[shard] = (counts[shard] as number) + 1;
  return {
    visits,
    shards: Array.from(counts, (cells, shard) => ({
      kept: cells > 0,
      cells,
      reason: reasonOf(index, shard, cells, allowed !== undefined && !allowed.has(shard)),
    })),
  };
}

export const noVisits: CellVisits = {
  shard: new Uint32Array(0),
  cell: new Uint32Array(0),
  dot: new Float32Array(0),
};

function everything(index: CellIndex): Selection {
  const shards = Array.from(index.cellsOf, (cells) => ({
    kept: cells > 0,
    cells,
    reason: cells > 0 ? "all" : "empty",
  }));
  return { visits: noVisits, shards };
}

/** `column` at some positions. A plain loop: this and its like run over thousands of cells in every query. */
export function picked<Column extends Uint32Array | Float32Array>(column: Column, positions: Uint32Array): Column {
  const out = column.slice(0, positions.length) as Column;
  for (let i = 0; i < positions.length; i++) out[i] = column[positions[i] as number] as number;
  return out;
}

/** How high a row of each cell may score: q·c + α·spread. */
function reach(dot: Float32Array, spread: Float32Array): Float32Array {
  const values = new Float32Array(dot.length);
  for (let at = 0; at < dot.length; at++) values[at] = (dot[at] as number) + spreadFactor * (spread[at] as number);
  return values;
}

/** Positions by falling value. Packs value and position into one number: sorting those needs no callback. */
function descending(values: Float32Array): Uint32Array {
  const packed = new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) {
    packed[at] = Math.floor((offset - (values[at] as number)) * scale) * positions + at;
  }
  packed.sort();
  const order = new Uint32Array(values.length);
  for (let at = 0; at < order.length; at++) order[at] = (packed[at] as number) % positions;
  return order;
}

/** Cosines with their spread lie well within ±4; 29 bits of value and 24 of position fill a float64's 53. */
const offset = 4;
const scale = 2 ** 26;
const positions = 2 ** 24;

/** The shards whose best cell ranks first. */
function bestShards(ranked: Uint32Array, index: CellIndex, limit: number): ReadonlySet<number> {
  const best = new Set<number>();
  for (const at of ranked) {
    if (best.size === limit) break;
    best.add(index.shard[at] as number);
  }
  return best;
}

function covering(ranked: Uint32Array, index: CellIndex, target: RecallTarget): Uint32Array {
  const wanted = rowsToScan(target, index.vectors);
  let rows = 0;
  let end = 0;
  for (; end < ranked.length && rows < wanted; end++) rows += index.rows[ranked[end] as number] as number;
  return ranked.subarray(0, end);
}

function reasonOf(index: CellIndex, shard: number, cells: number, limited: boolean): string {
  const all = index.cellsOf[shard] as number;
  if (all === 0) return "empty";
  if (limited) return "limit";
  return cells === all ? "all" : "centroid";
}
