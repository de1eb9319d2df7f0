import type { Ranker, Scorer } from "../../ranking/index.ts";
import type { Metadata } from "./documents.ts";

export type Recall = "fast" | "balanced" | "exact";
export type IncludeField = "text" | "metadata" | "embedding" | "scores" | "highlights";

export interface SearchRequest {
  /** Exactly one of `query` and `vector`. */
  readonly query?: string;
  readonly vector?: readonly number[] | Float32Array;
  /** 1 to 1000. */
  readonly limit: number;
  readonly offset: number;
  readonly include: readonly IncludeField[];
  readonly min_score?: number;
  readonly recall: Recall;
  readonly consistency: "strong" | "eventual";
  readonly shard_limit?: number;
  readonly timeout_ms?: number;
  /** A generation, or a time: the collection as it was. */
  readonly as_of?: number | string;
  readonly explain: boolean;
  /** A SQL condition over the columns of documents. */
  readonly where?: string;
  /** Values of its parameters. */
  readonly params?: readonly unknown[] | { readonly [name: string]: unknown };
  /** How results are ranked; the collection's own, or by vector similarity (hybrid: by reciprocal rank) otherwise. */
  readonly ranker?: RankerSpec;
}

/** Complete but for weights (1) and fusion (`rrf`), or the name of a preset. */
export type RankerSpec =
  | "default"
  | "full"
  | {
      readonly scorers: readonly (Omit<Scorer, "weight"> & { readonly weight?: number | undefined })[];
      readonly fusion?: Ranker["fusion"] | undefined;
      readonly min_score?: number | undefined;
    };

export interface SearchHit {
  readonly id: string;
  readonly score: number;
  readonly text?: string;
  readonly metadata?: Metadata;
  readonly created_at?: string;
  readonly embedding?: readonly number[];
  /** What each scorer says, and `fused`, the score. */
  readonly scores?: { readonly [scorer: string]: number };
  /** What each scorer adds to the score. */
  readonly contributions?: { readonly [scorer: string]: number };
  /** The best passage, its terms between `<mark>` and `</mark>`. */
  readonly highlights?: readonly string[];
}

export interface ShardFailure {
  readonly shard: string;
  readonly code: string;
  readonly detail: string;
}

export interface QueryCost {
  readonly get_requests: number;
  readonly put_requests: number;
  readonly list_requests: number;
  readonly bytes_fetched: number;
  readonly cache_hits: number;
  readonly compute_ms: number;
  readonly usd: number;
}

export interface QueryStats {
  readonly took_ms: number;
  readonly shards_total: number;
  readonly shards_searched: number;
  /** Rows whose vector code or vector was looked at. */
  readonly documents_scored: number;
  readonly cells_total: number;
  readonly cells_searched: number;
  /** Rows whose full vector was read to give the exact score. */
  readonly rows_rescored: number;
  readonly cost: QueryCost;
}

export interface PlannedShard {
  readonly shard: string;
  readonly kept: boolean;
  /** The signal that kept or dropped it: `all`, `centroid`, `limit`, `empty`. */
  readonly reason: string;
  readonly documents: number;
  readonly cells: number;
  readonly cells_selected: number;
  readonly strategy: string;
  /** Rows that fulfil `where`, and their share. */
  readonly matching?: number;
  readonly selectivity?: number;
  /** How they were found: `columns` of codes, or `SQL` in a process, which costs more when a filter is new. */
  readonly filter?: string;
}

export interface SearchPlan {
  readonly generation: number;
  readonly recall: Recall;
  readonly tail_documents: number;
  readonly shards: readonly PlannedShard[];
}

export interface SearchResponse {
  readonly results: readonly SearchHit[];
  readonly degraded: boolean;
  readonly failed_shards: readonly ShardFailure[];
  readonly stats: QueryStats;
  readonly plan?: SearchPlan;
}
