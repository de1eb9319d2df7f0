import type { ArchiveClass, CollectionName, RestoreSpeed, Scope, TenantName } from "../base/index.ts";
import type { FileStatus, InboxPage, InboxQuery, Swept, Taken } from "../inbox/index.ts";
import type { KeyInfo } from "../keys/index.ts";
import type { CollectionInfo, CollectionList, CollectionSpec, CollectionStats } from "./api/collections.ts";
import type {
  BatchResult,
  DocumentInput,
  DocumentPatch,
  GetOptions,
  StoredDocument,
  WriteResult,
} from "./api/documents.ts";
import type {
  ArchiveRequest,
  GarbageReport,
  JobInfo,
  PageRankOptions,
  RestoreRequest,
  VerifyOptions,
  VerifyReport,
} from "./api/lifecycle.ts";
import type { SearchHit, SearchRequest, SearchResponse } from "./api/search.ts";
import type { SqlQuery, SqlResponse } from "./api/sql.ts";

export type * from "./api/collections.ts";
export type * from "./api/documents.ts";
export type * from "./api/lifecycle.ts";
export type * from "./api/search.ts";
export type * from "./api/sql.ts";

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
