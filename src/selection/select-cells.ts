import type { ShardEntry } from "../manifest/index.ts";
import type { Summary } from "../shard/index.ts";
import type { RecallTarget } from "./recall.ts";

export interface Candidate {
  readonly entry: ShardEntry;
  readonly summary: Summary;
}

/** One cell that is worth scanning. */
export interface SelectedCell {
  /** Index into the candidates. */
  readonly shard: number;
  readonly cell: number;
  readonly dot: number;
  readonly ceiling: number;
}

export interface Selection {
  /** Most promising first. */
  readonly cells: readonly SelectedCell[];
  readonly shards: readonly { readonly kept: boolean; readonly reason: string; readonly cells: number }[];
}

export interface SelectionRequest {
  readonly candidates: readonly Candidate[];
  /** Of unit length. */
  readonly query: Float32Array;
  /** Undefined: every cell (exact). */
  readonly target: RecallTarget | undefined;
  /** At most this many shards; undefined: as many as the target needs. */
  readonly shardLimit: number | undefined;
}

/**
 * Ranks the cells of all shards by how high a row in them may score, q·c + α·spread, and keeps the best until the
 * target's share of the rows is covered. Scanning may stop earlier: see `ceiling` in a leaf's request.
 */
export function selectCells({ candidates, query, target, shardLimit }: SelectionRequest): Selection {
  const ranked = candidates.flatMap(({ summary }, shard) => cellsOf(summary, shard, query, target?.spreadFactor ?? 0));
  ranked.sort((a, b) => b.ceiling - a.ceiling);
  const allowed = shardLimit === undefined ? undefined : bestShards(ranked, shardLimit);
  const within = allowed === undefined ? ranked : ranked.filter(({ shard }) => allowed.has(shard));
  const cells = target === undefined ? within : covering(within, candidates, target);
  const counts = candidates.map(() => 0);
  for (const { shard } of cells) counts[shard] = (counts[shard] ?? 0) + 1;
  const shards = candidates.map(({ summary }, at) => ({
    kept: (counts[at] ?? 0) > 0,
    cells: counts[at] ?? 0,
    reason: reasonOf(summary, counts[at] ?? 0, allowed !== undefined && !allowed.has(at), target === undefined),
  }));
  return { cells, shards };
}

function cellsOf(summary: Summary, shard: number, query: Float32Array, spreadFactor: number): SelectedCell[] {
  const { centroids, spreads, dimensions } = summary;
  return Array.from(spreads, (spread, cell) => {
    const dot = dotAt(query, centroids, cell * dimensions);
    return { shard, cell, dot, ceiling: dot + spreadFactor * spread };
  });
}

function dotAt(query: Float32Array, matrix: Float32Array, offset: number): number {
  // Four sums, so that the additions need not wait for each other.
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < query.length; i += 4) {
    a += (query[i] as number) * (matrix[offset + i] as number);
    b += (query[i + 1] as number) * (matrix[offset + i + 1] as number);
    c += (query[i + 2] as number) * (matrix[offset + i + 2] as number);
    d += (query[i + 3] as number) * (matrix[offset + i + 3] as number);
  }
  for (; i < query.length; i++) a += (query[i] as number) * (matrix[offset + i] as number);
  return a + b + c + d;
}

/** The shards whose best cell ranks first. */
function bestShards(ranked: readonly SelectedCell[], limit: number): ReadonlySet<number> {
  const best = new Set<number>();
  for (const { shard } of ranked) {
    if (best.size === limit) break;
    best.add(shard);
  }
  return best;
}

function covering(
  ranked: readonly SelectedCell[],
  candidates: readonly Candidate[],
  target: RecallTarget,
): readonly SelectedCell[] {
  const vectors = candidates.reduce((sum, { summary }) => sum + summary.vectors, 0);
  const wanted = Math.max(target.leastRows, target.share * vectors);
  let rows = 0;
  const end = ranked.findIndex(({ shard, cell }) => {
    if (rows >= wanted) return true;
    rows += candidates[shard]?.summary.cellRows[cell] ?? 0;
    return false;
  });
  return end < 0 ? ranked : ranked.slice(0, end);
}

function reasonOf(summary: Summary, cells: number, limited: boolean, exact: boolean): string {
  if (summary.vectors === 0) return "empty";
  if (limited) return "limit";
  if (exact) return "all";
  return cells === summary.cellRows.length ? "all" : "centroid";
}
