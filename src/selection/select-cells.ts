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
  const ranked = descending(dot.map((value, at) => value + spreadFactor * (index.spread[at] as number)));
  const allowed = shardLimit === undefined ? undefined : bestShards(ranked, index, shardLimit);
  const within = allowed === undefined ? ranked : ranked.filter((at) => allowed.has(index.shard[at] as number));
  const chosen = target === undefined ? within : covering(within, index, target);
  const counts = new Uint32Array(index.shards);
  for (const at of chosen) counts[index.shard[at] as number] = (counts[index.shard[at] as number] as number) + 1;
  return {
    visits: {
      shard: chosen.map((at) => index.shard[at] as number),
      cell: chosen.map((at) => index.cell[at] as number),
      dot: Float32Array.from(chosen, (at) => dot[at] as number),
    },
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

/** Positions by falling value. Packs value and position into one number: sorting those needs no callback. */
function descending(values: Float32Array): Uint32Array {
  const packed = Float64Array.from(values, (value, at) => Math.floor((value + offset) * scale) * positions + at);
  packed.sort();
  return Uint32Array.from(packed.reverse(), (key) => key % positions);
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
