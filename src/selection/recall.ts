/** How much of a collection a query looks at for a wanted recall@10; measured in docs/decisions/0002-cells.md. */
export interface RecallTarget {
  /** Cells are taken in order until they hold this share of all vectors, … */
  readonly share: number;
  /** … and at least this many rows: below it a scan costs less than choosing. */
  readonly leastRows: number;
  /** α of a cell's ceiling q·c + α·spread, above which no row is expected. */
  readonly spreadFactor: number;
  /** Candidates by code whose full vectors are read: at least `rescoreLeast`, and `rescorePerResult` for each result. */
  readonly rescoreLeast: number;
  readonly rescorePerResult: number;
  /** Reading ends once the next estimate is this much, over √dimensions, below the last wanted score. */
  readonly rescoreMargin: number;
}

export const recallTargets: Readonly<Record<"fast" | "balanced", RecallTarget>> = {
  fast: { share: 0.1, leastRows: 16_384, spreadFactor: 0.4, rescoreLeast: 50, rescorePerResult: 3, rescoreMargin: 0.8 },
  balanced: {
    share: 0.25,
    leastRows: 65_536,
    spreadFactor: 0.5,
    rescoreLeast: 100,
    rescorePerResult: 5,
    rescoreMargin: 1.2,
  },
};
