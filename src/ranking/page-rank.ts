export interface PageRankOptions {
  /** Chance to follow a link rather than to jump anywhere; 0.85 is usual. */
  readonly damping: number;
  readonly maxIterations: number;
  /** Ends when the ranks together changed by less than this, times their number. 0: all iterations run. */
  readonly tolerance: number;
  /** Told after each iteration; may throw to end the work. */
  readonly onIteration?: (iteration: number, change: number) => void;
}

export interface PageRankResult {
  /** By node; their sum is 1. */
  readonly ranks: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

/**
 * PageRank by power iteration (Page, Brin, Motwani and Winograd, 1998) over links in compressed sparse rows: node n links to
 * `targets[starts[n]]` up to `targets[starts[n + 1]]`, each at most once. What a node without links would pass on is spread over
 * all nodes. The change is measured as Σ|new − old|, against nodes × tolerance, as networkx does.
 */
export function pageRank(
  starts: Uint32Array,
  targets: Uint32Array,
  { damping, maxIterations, tolerance, onIteration }: PageRankOptions,
): PageRankResult {
  const nodes = starts.length - 1;
  let ranks = new Float64Array(nodes).fill(1 / nodes);
  let next = new Float64Array(nodes);
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    let dangling = 0;
    next.fill(0);
    for (let node = 0; node < nodes; node++) {
      const [from, to] = [starts[node] as number, starts[node + 1] as number];
      const rank = ranks[node] as number;
      if (from === to) dangling += rank;
      const share = rank / (to - from);
      for (let at = from; at < to; at++) {
        const target = targets[at] as number;
        next[target] = (next[target] as number) + share;
      }
    }
    const everywhere = (1 - damping + damping * dangling) / nodes;
    let change = 0;
    for (let node = 0; node < nodes; node++) {
      const rank = damping * (next[node] as number) + everywhere;
      change += Math.abs(rank - (ranks[node] as number));
      next[node] = rank;
    }
    [ranks, next] = [next, ranks];
    onIteration?.(iteration, change);
    if (change < nodes * tolerance) return { ranks, iterations: iteration, converged: true };
  }
  return { ranks, iterations: maxIterations, converged: false };
}
