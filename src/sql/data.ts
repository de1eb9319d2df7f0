import type { SerializedError } from "../base/index.ts";
import type { ColumnFilter } from "../shard/index.ts";
import type { FileRef } from "./process/messages.ts";
import type { Known } from "./prune/prune.ts";

/** An immutable object that a shard needs. */
export interface ObjectRef {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A live shard as SQL sees it. */
export interface SqlShard {
  readonly id: string;
  readonly file: ObjectRef;
  readonly deletes: ObjectRef | null;
  /** Ranks that count instead of those in the file; `known` has their range. Null: the file's own. */
  readonly ranks: ObjectRef | null;
  /** Rows in the file, dead ones included; and how many of them `deletes` calls dead. */
  readonly documents: number;
  readonly dead: number;
  /** What its summary says of it. */
  readonly known: Known;
  /** Ids whose rows here are out of date. */
  readonly excluded: readonly string[];
  /** Why its file can't be read, where that is known before. */
  readonly unreadable?: SerializedError;
}

/** A document that is in no shard yet. */
export interface TailDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly vector: Float32Array | null;
}

/** One moment of a collection: its shards, and the documents that are in none yet. */
export interface SqlData {
  readonly shards: readonly SqlShard[];
  readonly tail: readonly TailDocument[];
  /** Shards of the collection whose documents nobody can read. */
  readonly aside: readonly FailedShard[];
}

export type SearchKind = "vector_search" | "text_search" | "hybrid_search";

/** A row of `vector_search(…)` and its like. */
export interface ScoredId {
  readonly id: string;
  readonly score: number;
}

/** What a search found, and the shards that it could not read. */
export interface SearchRows {
  readonly rows: readonly ScoredId[];
  readonly failed: readonly FailedShard[];
}

export interface FailedShard {
  readonly shard: string;
  readonly error: SerializedError;
}

export interface FoundByColumns {
  readonly shards: ReadonlyMap<string, Uint8Array>;
  readonly failed: readonly FailedShard[];
}

/** A document with all that a statement may read. */
export interface WholeDocument extends TailDocument {
  readonly pagerank: number;
}

/** Documents that were read one by one, and the shards that could not be read. */
export interface ShardDocuments {
  readonly documents: readonly WholeDocument[];
  readonly failed: readonly FailedShard[];
}

/** What SQL asks of the rest of the engine. */
export interface SqlHelp {
  /** The vector of a text, by the collection's model. Throws where it has none. */
  embed(text: string): Promise<Float32Array>;
  /** The best `limit` documents for a text, or (vector_search) a vector; best first. Throws for kinds it does not have. */
  search(kind: SearchKind, query: string | Float32Array, limit: number): Promise<SearchRows>;
  /** The collection as it is now; called once, before anything is planned. */
  snapshot(): Promise<SqlData>;
  /**
   * The rows that fulfil a filter over columns of codes, for the shards that have all columns it reads. Undefined: there are
   * no columns.
   */
  columns?(filter: ColumnFilter, shards: ReadonlySet<string>, timeoutMs: number): Promise<FoundByColumns>;
  /** A local file with an object's bytes. */
  file(ref: ObjectRef): Promise<FileRef>;
  /** The same when the file is here, or small enough to be fetched whole whatever is wanted of it. */
  nearFile(ref: ObjectRef): Promise<FileRef | undefined>;
  /** The live documents of some ids in some shards of the snapshot, read without fetching whole files. */
  documents(ids: readonly string[], shards: ReadonlySet<string>): Promise<ShardDocuments>;
}
