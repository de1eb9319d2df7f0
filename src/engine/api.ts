import type { ArchiveClass, CollectionName, RestoreSpeed, Scope, TenantName } from "../base/index.ts";
import type { FileStatus, InboxPage, InboxQuery, Swept, Taken } from "../inbox/index.ts";
import type { KeyInfo } from "../keys/index.ts";
import type { Ranker, Scorer } from "../ranking/index.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Metadata = { readonly [key: string]: Json };

/** A document as a client sends it. Checked by the engine: see docs/api.md for limits. */
export interface DocumentInput {
  /** Made by the engine when absent. */
  readonly id?: string;
  readonly text: string;
  readonly metadata?: Metadata;
  /** Brought by the client; otherwise `text` is embedded by the collection's model. */
  readonly embedding?: readonly number[] | Float32Array;
  /** ISO 8601; stored as UTC `YYYY-MM-DD HH:MM:SS[.SSS]`. */
  readonly created_at?: string;
}

export interface DocumentPatch {
  readonly text?: string;
  /** JSON merge patch (RFC 7396). */
  readonly metadata?: Metadata;
  readonly embedding?: readonly number[] | Float32Array;
  readonly created_at?: string;
}

export interface StoredDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Metadata;
  readonly created_at: string;
  readonly updated_at: string;
  /** Only when asked for. */
  readonly embedding?: readonly number[];
}

/** `version` is `<wal sequence>.<index>`: it grows with every write to the collection. */
export interface WriteResult {
  readonly id: string;
  readonly version: string;
}

export interface BatchProblem {
  readonly index: number;
  readonly id?: string;
  readonly code: string;
  readonly detail: string;
}
export interface BatchResult {
  readonly accepted: number;
  /** One per document that was not stored, and one (code `duplicate_id`, stored all the same by its last) per repeat. */
  readonly errors: readonly BatchProblem[];
}

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

export interface VerifyProblem {
  readonly object: string;
  readonly code: string;
  readonly detail: string;
}
export interface VerifyOptions {
  /** Makes whole what can be, and sets the rest aside, before it looks. Deletes nothing. */
  readonly repair?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly documents: number;
  readonly shards: number;
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly VerifyProblem[];
  /** Shards that a repair has set aside: answers go without them, and say so. */
  readonly quarantined: readonly { readonly shard: string; readonly documents: number }[];
  /** Shards of a colder class; of those that must be restored first only what is kept beside them was proved. */
  readonly archived: readonly {
    readonly shard: string;
    readonly storage_class: string;
    readonly documents: number;
    readonly needs_restore: boolean;
  }[];
  /** What was repaired just now. */
  readonly repairs: readonly VerifyRepair[];
}

export interface VerifyRepair {
  readonly object: string;
  readonly action: "restored" | "rebuilt" | "quarantined" | "dropped";
  readonly detail: string;
}

export interface GetOptions {
  readonly embedding?: boolean;
  /** As in searches. */
  readonly as_of?: number | string;
}

/** Exactly one of `shards` and `older_than`. */
export interface ArchiveRequest {
  /** Their ids, as `stats` lists them. */
  readonly shards?: readonly string[];
  /** Days or hours, `90d` or `12h`: shards whose newest document is older, by `created_at`. */
  readonly older_than?: string;
  /** As the collection or the settings say when absent. */
  readonly storage_class?: ArchiveClass;
}

export interface RestoreRequest {
  /** All that are archived when absent. */
  readonly shards?: readonly string[];
  /** How fast storage restores what must be restored; `standard` when absent. */
  readonly speed?: RestoreSpeed;
}

export interface GarbageReport {
  /** Objects that nothing names: left behind by a crash. */
  readonly orphans: readonly { readonly key: string; readonly bytes: number }[];
  readonly bytes: number;
  /** Objects that are kept for older generations only. */
  readonly condemned: number;
  /** False when nothing was to be changed. */
  readonly collected: boolean;
}

/** Long work: begun by one call, followed by others, from any process. */
export interface JobInfo {
  readonly id: string;
  readonly kind: string;
  readonly collection: string;
  readonly status: "running" | "done" | "failed" | "cancelled";
  readonly created_at: string;
  readonly updated_at: string;
  /** Nothing happens before this time; the job goes on by itself then. */
  readonly waits_until: string | null;
  readonly progress: { readonly done: number; readonly total: number; readonly unit: string };
  readonly result: Readonly<Record<string, number>> | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

/** How ranks are computed; see docs/api.md. */
export interface PageRankOptions {
  /** Chance to follow a link rather than to jump anywhere: 0 to below 1, 0.85 by default. */
  readonly damping?: number | undefined;
  /** The most that are run: 1 to 1000, 20 by default. */
  readonly iterations?: number | undefined;
  /** Ends earlier when the ranks together changed by less than this, times the documents. By default (0) never. */
  readonly tolerance?: number | undefined;
  /** The key of metadata whose list of ids, or one id, are a document's links; `outbound_links` by default. */
  readonly links?: string | undefined;
}

/** Everything that HTTP and the command line may ask. One implementation: `Mosaic` of engine/index.ts. */
export interface Engine {
  readonly limits: { readonly maxBodyBytes: number; readonly maxBatchDocs: number; readonly maxTextBytes: number };
  /** Stores one document; `created` is false when it replaced one. */
  put(scope: Scope, document: DocumentInput): Promise<WriteResult & { readonly created: boolean }>;
  /** Stores many, each on its own: a bad one is reported and harms no other. `documents` were only parsed from JSON. */
  putMany(scope: Scope, documents: readonly unknown[]): Promise<BatchResult>;
  get(scope: Scope, id: string, options?: GetOptions): Promise<StoredDocument>;
  patch(scope: Scope, id: string, patch: DocumentPatch): Promise<WriteResult>;
  delete(scope: Scope, id: string): Promise<WriteResult>;
  search(scope: Scope, request: Partial<SearchRequest>): Promise<SearchResponse>;
  /** By meaning and by words, fused. */
  hybrid(scope: Scope, request: Partial<SearchRequest>): Promise<SearchResponse>;
  /** The results of `search`, or of `hybrid`, one by one, then the rest of its answer. Returning early ends the work. */
  searchStream(
    scope: Scope,
    request: Partial<SearchRequest>,
    kind?: "semantic" | "hybrid",
  ): AsyncGenerator<SearchHit, Omit<SearchResponse, "results">>;
  /** Answers one SELECT over the table `documents`. */
  sql(scope: Scope, query: SqlQuery): Promise<SqlResponse>;
  createCollection(scope: Scope, spec: CollectionSpec): Promise<CollectionInfo>;
  collections(tenant: TenantName): Promise<CollectionList>;
  collection(scope: Scope): Promise<CollectionInfo>;
  deleteCollection(scope: Scope): Promise<void>;
  stats(scope: Scope): Promise<CollectionStats>;
  tenants(): Promise<readonly TenantName[]>;
  /** Proves every live object. Damage is a finding; throws `not_found` when there is no such collection. */
  verify(scope: Scope, options?: VerifyOptions): Promise<VerifyReport>;
  /** Folds everything acknowledged so far into shards; returns when it is done. */
  fold(scope: Scope): Promise<void>;
  /** Finds objects that nothing needs; with `collect` condemns them and deletes those whose time has come. */
  gc(scope: Scope, collect: boolean): Promise<GarbageReport>;
  /** Makes the collection `name` of the shards of `scope`, as of now or a kept generation, without copying them. */
  branch(scope: Scope, name: CollectionName, asOf?: number | string): Promise<CollectionInfo>;
  /** Makes a kept generation the current one. */
  rollback(scope: Scope, asOf: number | string): Promise<CollectionInfo>;
  /** Begins to merge and re-cluster all shards of a collection. */
  compact(scope: Scope): Promise<JobInfo>;
  /** Begins to move shards into a colder class of storage. Throws `not_found` (code `shard_not_found`). */
  archive(scope: Scope, request: ArchiveRequest): Promise<JobInfo>;
  /** Begins to bring archived shards back; the job waits while storage restores them. Errors as for `archive`. */
  restore(scope: Scope, request: RestoreRequest): Promise<JobInfo>;
  /** Begins to rank all documents of a collection by their links; the ranks appear together, when the job is done. */
  computePageRank(scope: Scope, options?: PageRankOptions): Promise<JobInfo>;
  /** Throws `not_found` (code `job_not_found`). */
  job(tenant: TenantName, id: string): Promise<JobInfo>;
  /** Asks a job to end; what it has finished stays. */
  cancelJob(tenant: TenantName, id: string): Promise<JobInfo>;
  /** Files that were dropped into the tenant's inbox, and what became of them. */
  inboxFiles(tenant: TenantName, query: InboxQuery): Promise<InboxPage>;
  /** Whose a stored API key is; undefined for one that is unknown, revoked or expired. Remembered for KEY_CACHE_MS. */
  findKey(key: string): Promise<KeyInfo | undefined>;
  /** Throws when storage does not answer. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export type { ArchiveClass, CollectionName, FileStatus, InboxPage, InboxQuery, KeyInfo, RestoreSpeed, Swept, Taken };
