export type Fusion = "rrf" | "weighted_sum" | "max";

export type ScorerName = "vector_similarity" | "bm25" | "pagerank" | "freshness" | "expression" | "custom";

/** What a scorer knows of a document when it is a function. */
export interface RankedDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: { readonly [key: string]: unknown };
  readonly created_at: string;
  readonly pagerank: number;
}

export interface Scorer {
  readonly name: ScorerName;
  /** 0 and more; how much it counts against the others. */
  readonly weight: number;
  /** Of `bm25`. */
  readonly k1?: number | undefined;
  readonly b?: number | undefined;
  /** Of `freshness`: a document this old is half as fresh as a new one. */
  readonly half_life_days?: number | undefined;
  /** Of `expression`: a SQL expression over the document's columns. */
  readonly sql?: string | undefined;
  /** Of `custom`, in the library. Larger is better. */
  readonly score?: ((document: RankedDocument) => number) | undefined;
}

export interface Ranker {
  readonly scorers: readonly Scorer[];
  readonly fusion: Fusion;
  readonly min_score?: number;
}

/** What hybrid search does unless told otherwise. */
export const defaultRanker: Ranker = {
  scorers: [
    { name: "vector_similarity", weight: 1 },
    { name: "bm25", weight: 1 },
  ],
  fusion: "rrf",
};

/** The preset `full`. `custom` has no say until it is given a function. */
export const fullRanker: Ranker = {
  scorers: [
    { name: "vector_similarity", weight: 0.5 },
    { name: "bm25", weight: 0.2 },
    { name: "pagerank", weight: 0.15 },
    { name: "freshness", weight: 0.1, half_life_days: 14 },
    { name: "custom", weight: 0.05 },
  ],
  fusion: "rrf",
};
