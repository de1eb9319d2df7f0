import type { LeafHit, LeafWork } from "./leaf-request.ts";

export type Recall = "fast" | "balanced" | "exact";

/** A query with its vector: checked, complete. */
export interface VectorQuery {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly offset: number;
  readonly minScore: number | undefined;
  readonly recall: Recall;
  readonly consistency: "strong" | "eventual";
  readonly shardLimit: number | undefined;
  readonly timeoutMs: number;
  /** Whether others choose among the results, so that the last of them need not be the very nearest. */
  readonly asCandidates: boolean;
  readonly withText: boolean;
  readonly withVector: boolean;
}

export interface FailedShard {
  readonly shard: string;
  readonly code: string;
  readonly detail: string;
}

export interface ShardPlan {
  readonly shard: string;
  readonly kept: boolean;
  readonly reason: string;
  readonly documents: number;
  readonly cells: number;
  readonly cellsSelected: number;
  readonly strategy: string;
  /** Rows that fulfil the filter, dead ones included; undefined without one. */
  readonly matching: number | undefined;
  /** How they were found: `columns`, or `SQL`. Undefined when the summary said that there are none. */
  readonly filter: string | undefined;
}

export interface VectorAnswer {
  readonly hits: readonly LeafHit[];
  readonly failed: readonly FailedShard[];
  readonly work: LeafWork & { readonly tailDocuments: number };
  readonly plan: { readonly generation: number; readonly shards: readonly ShardPlan[] };
  readonly shardsSearched: number;
  readonly cellsTotal: number;
}
