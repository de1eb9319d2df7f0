import type { Distance } from "../manifest/index.ts";
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
  /** Of unit length for cosine. */
  readonly query: Float32Array;
  readonly distance: Distance;
  /** Undefined: every cell (exact). */
  readonly target: RecallTarget | undefined;
  /** At most this many shards; undefined: as many as the target needs. */
  readonly shardLimit: number | undefined;
  /** Shards that had results of similar queries, the likeliest first: up to half of a limit's shards are chosen by it. */
  readonly preferred?: readonly number[] | undefined;
  /**
   * Rows of each cell that fulfil the query's filter, in the order of the index. Then cells without any are left out, and
   * as many fulfilling rows are covered as rows would be without a filter: so the recall is no less.
   */
  readonly matching?: Uint32Array | undefined;
}

/**
 * Ranks the cells of all shards by how near a row in them may come, and keeps the best until the rows that the target
 * asks for are covered.
 */
export function selectCells(request: SelectionRequest): Selection {
  const { index, query, target, shardLimit } = request;
  // Exact and unlimited: the order does not matter, so nothing is computed.
  if (target === undefined && shardLimit === undefined && request.matching === undefined) return everything(index);
  const dot = index.centroids.dots(query);
  const { matching } = request;
  const all = descending(reach(request, dot));
  const ranked = matching === undefined ? all : all.filter((at) => (matching[at] as number) > 0);
  const allowed = shardLimit === undefined ? undefined : bestShards(ranked, index, shardLimit, request.preferred ?? []);
  const within = allowed === undefined ? ranked : ranked.filter((at) => allowed.has(index.shard[at] as number));
  const chosen = target === undefined ? within : covering(within, index, target, matching ?? index.rows);
  const visits = { shard: picked(index.shard, chosen), cell: picked(index.cell, chosen), dot: picked(dot, chosen) };
  const counts = new Uint32Array(index.shards);
  for (const shard of visits.shard) counts[shard] = (counts[shard] as number) + 1;
  return {
    visits,
    shards: Array.from(counts, (cells, shard) => ({
      kept: cells > 0,
      cells,
      reason:
        cells > 0 && allowed?.get(shard) === "history"
          ? "history"
          : reasonOf(request, shard, cells, allowed !== undefined && !allowed.has(shard)),
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

/**
 * How near a row of each cell may come, α of the cell's spread nearer than its centroid: q·c + α·‖q‖·spread for cosine
 * and dot, −‖q − c‖ + α·spread for l2. Larger is nearer; only the order counts.
 */
function reach({ index, query, distance }: SelectionRequest, dot: Float32Array): Float32Array {
  const values = new Float32Array(dot.length);
  const square = query.reduce((sum, value) => sum + value * value, 0);
  const norm = distance === "cosine" ? 1 : Math.sqrt(square);
  for (let at = 0; at < dot.length; at++) {
    const spread = spreadFactor * (index.spread[at] as number);
    if (distance !== "l2") values[at] = (dot[at] as number) + norm * spread;
    else values[at] = spread - Math.sqrt(Math.max(0, square - 2 * (dot[at] as number) + (index.square[at] as number)));
  }
  return values;
}

/**
 * Positions by falling value. A float32's bits, with the sign bit turned and negatives inverted, order as the floats do;
 * packed with the position into one number they are sorted without a callback.
 */
function descending(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const packed = new Float64Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const raw = bits[at] as number;
    const rising = raw >= signBit ? ~raw >>> 0 : raw + signBit;
    packed[at] = (2 ** 32 - 1 - rising) * positions + at;
  }
  packed.sort();
  const order = new Uint32Array(values.length);
  for (let at = 0; at < order.length; at++) order[at] = (packed[at] as number) % positions;
  return order;
}

const signBit = 2 ** 31;
/** 32 bits of value and 21 of position fill a float64's 53: two million cells, a billion rows. */
const positions = 2 ** 21;

/** The shards whose best cell ranks first, and instead of the last of them those that similar queries were answered by. */
function bestShards(
  ranked: Uint32Array,
  index: CellIndex,
  limit: number,
  preferred: readonly number[],
): ReadonlyMap<number, "centroid" | "history"> {
  const order = new Set<number>();
  for (const at of ranked) order.add(index.shard[at] as number);
  const nearest = [...order].slice(0, limit);
  const known = preferred.filter((shard) => order.has(shard)).slice(0, Math.ceil(limit / 2));
  const others = nearest.filter((shard) => !known.includes(shard)).slice(0, limit - known.length);
  const near = new Set(nearest);
  return new Map([...known, ...others].map((shard) => [shard, near.has(shard) ? "centroid" : "history"] as const));
}

function covering(
  ranked: Uint32Array,
  index: CellIndex,
  target: RecallTarget,
  rowsOf: { readonly [at: number]: number },
): Uint32Array {
  const wanted = rowsToScan(target, index.builds);
  let rows = 0;
  let end = 0;
  for (; end < ranked.length && rows < wanted; end++) rows += rowsOf[ranked[end] as number] as number;
  return ranked.subarray(0, end);
}

function reasonOf({ index, matching }: SelectionRequest, shard: number, cells: number, limited: boolean): string {
  const all = index.cellsOf[shard] as number;
  if (all === 0) return "empty";
  if (limited) return "limit";
  if (cells === 0 && matching !== undefined && !someMatch(index, shard, matching)) return "metadata";
  return cells === all ? "all" : "centroid";
}

function someMatch(index: CellIndex, shard: number, matching: Uint32Array): boolean {
  for (let at = 0; at < matching.length; at++)
    if (index.shard[at] === shard && (matching[at] as number) > 0) return true;
  return false;
}
