import type { QueryCost, ShardFailure } from "./search.ts";

/** A value that JSON carries as it is, or as `{"$int"}` and `{"$blob"}`. */
export type SqlWireValue = null | number | string | { readonly $int: string } | { readonly $blob: string };

export interface SqlQuery {
  readonly sql: string;
  /** A list for `?` and `?N`, or an object by name. */
  readonly params?: readonly unknown[] | { readonly [name: string]: unknown };
  readonly consistency?: "strong" | "eventual";
  /** No more than SQL_TIMEOUT_MS. */
  readonly timeout_ms?: number;
  readonly as_of?: number | string;
  readonly explain?: boolean;
}

export interface SqlPlanInfo {
  /** `split`, `push`, `gather`, or `none` when no document is read. */
  readonly strategy: string;
  /** What leaves run over their documents, and what the root runs over what they gave. */
  readonly leaf: string | null;
  readonly root: string;
  /** Conditions that leaves check. */
  readonly pushed: readonly string[];
  /** Columns of documents that leaves read. */
  readonly columns: readonly string[];
  readonly tail_documents: number;
  readonly shards: readonly {
    readonly shard: string;
    readonly kept: boolean;
    readonly reason: string;
    readonly documents: number;
  }[];
}

export interface SqlResponse {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly (readonly SqlWireValue[])[];
  readonly row_count: number;
  readonly degraded: boolean;
  readonly failed_shards: readonly ShardFailure[];
  readonly stats: {
    readonly took_ms: number;
    readonly shards_total: number;
    readonly shards_searched: number;
    readonly rows_gathered: number;
    readonly bytes_gathered: number;
    readonly cost: QueryCost;
  };
  readonly plan?: SqlPlanInfo;
}
