/** How much of a collection a query looks at for a wanted recall@10; measured in docs/decisions/0002-cells.md. */
export interface RecallTarget {
  /** Rows to scan of a collection of 65,536 vectors; see `rowsToScan` for others. */
  readonly rowsAtReference: number;
  /** Candidates by code whose full vectors are read: at least `rescoreLeast`, and `rescorePerResult` for each result. */
  readonly rescoreLeast: number;
  readonly rescorePerResult: number;
  /**
   * The same where results are candidates of a ranking, some 200 of them: what the last ones among them are hardly shows in
   * the first ten (998 of 1,000 were the same as with 6, at a third of the time).
   */
  readonly rescorePerCandidate: number;
  /** Reading ends once the next estimate is this much, over √dimensions, below the last wanted score. */
  readonly rescoreMargin: number;
}

export const recallTargets: Readonly<Record<"fast" | "balanced", RecallTarget>> = {
  fast: { rowsAtReference: 18_500, rescoreLeast: 75, rescorePerResult: 4, rescorePerCandidate: 2, rescoreMargin: 1 },
  balanced: {
    rowsAtReference: 32_000,
    rescoreLeast: 125,
    rescorePerResult: 6,
    rescorePerCandidate: 2,
    rescoreMargin: 1.4,
  },
};

const referenceVectors = 65_536;
/** Rows for equal recall grew as this power of the collection from 63,466 to 1,000,000 vectors, */
const growth = 0.5;
/** and as this power of the number of builds that the vectors lie in: cells of many small builds are less compact. */
const scatter = 0.22;
/** A scan of this many rows costs less than anything that could be saved on it. */
const alwaysRows = 16_384;

/** Rows to scan, given the vectors of each build. Builds count by their size: N² / Σ n² of them, as in equal parts. */
export function rowsToScan({ rowsAtReference }: RecallTarget, builds: Float64Array): number {
  const vectors = builds.reduce((sum, count) => sum + count, 0);
  const squares = builds.reduce((sum, count) => sum + count * count, 0);
  const parts = squares === 0 ? 1 : (vectors * vectors) / squares;
  return Math.max(alwaysRows, rowsAtReference * (vectors / referenceVectors) ** growth * parts ** scatter);
}

/** α of the order of cells by q·c + α·spread: a wide cell reaches further than its centroid says. */
export const spreadFactor = 0.5;
