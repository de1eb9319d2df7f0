import type { ArchiveClass } from "../../base/index.ts";
import type { RankerSpec } from "./search.ts";

export type Distance = "cosine" | "l2" | "dot";

export interface CollectionSpec {
  readonly dimensions?: number;
  readonly distance?: Distance;
  readonly embedding_model?: string;
  readonly precision?: "float32" | "int8";
  readonly language?: string;
  readonly cluster_by?: string;
  readonly shard_max_docs?: number;
  readonly ranker?: RankerSpec;
  /** Shards whose documents are all as old are archived by themselves; 0: none. */
  readonly archive_after_days?: number;
  readonly archive_class?: ArchiveClass;
}

export interface CollectionInfo {
  readonly name: string;
  readonly created_at: string;
  /** Null until the first vector fixes it. */
  readonly dimensions: number | null;
  readonly distance: Distance;
  readonly embedding_model: string;
  readonly precision: "float32" | "int8";
  readonly language: string;
  readonly cluster_by: string;
  readonly shard_max_docs: number;
  /** Null: the default of each kind of search. */
  readonly ranker: RankerSpec | null;
  /** Null: as the server's settings say. */
  readonly archive_after_days: number | null;
  readonly archive_class: ArchiveClass | null;
  readonly documents: number;
}

export interface CollectionList {
  readonly collections: readonly CollectionInfo[];
  /** Those that can't be read now, and why; the others are listed all the same. */
  readonly unreadable: readonly { readonly name: string; readonly code: string; readonly detail: string }[];
}

export interface CollectionStats {
  readonly documents: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly generation: number;
  readonly shards: readonly {
    readonly id: string;
    readonly status: string;
    readonly storage_class: string;
    /** Null unless its file lies in a colder class. */
    readonly archived: {
      readonly at: string;
      /** Answers go without it until it is restored. */
      readonly needs_restore: boolean;
      readonly restore_asked_at: string | null;
      /** What is kept beside for as long. */
      readonly stub_bytes: number;
    } | null;
    readonly documents: number;
    readonly deleted: number;
    readonly bytes: number;
    readonly created_at: { readonly min: string; readonly max: string } | null;
  }[];
  readonly shards_by_status: { readonly [status: string]: number };
  /** Of shard files. */
  readonly bytes_by_class: { readonly [storageClass: string]: number };
  readonly wal: {
    readonly segments: number;
    readonly bytes: number;
    readonly last_sequence: number;
    readonly folded_through: number;
  };
  readonly cache: { readonly bytes: number; readonly files: number };
  readonly last_fold_at: string | null;
  readonly last_compaction_at: string | null;
  readonly last_pagerank_at: string | null;
}
