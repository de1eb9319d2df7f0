import {
  type CollectionName,
  collectionName,
  documentId,
  MosaicError,
  parseTimestamp,
  type Scope,
  type TenantName,
} from "../../../src/base/index.ts";
import type {
  BatchProblem,
  BatchResult,
  CollectionInfo,
  CollectionList,
  CollectionSpec,
  CollectionStats,
  DocumentInput,
  DocumentPatch,
  Engine,
  GarbageReport,
  InboxPage,
  JobInfo,
  KeyInfo,
  SearchHit,
  SearchRequest,
  SearchResponse,
  SqlQuery,
  SqlResponse,
  StoredDocument,
  VerifyReport,
  WriteResult,
} from "../../../src/engine/index.ts";

const now = "2024-03-01 10:00:00";

interface Collection {
  readonly info: CollectionInfo;
  readonly documents: Map<string, StoredDocument>;
}

const invalid = (code: string, detail: string): MosaicError => new MosaicError("invalid", "check", { code, detail });

/** Keeps documents in a map: enough of an engine to test what stands before it. Search finds words, not meanings. */
export class MemoryEngine implements Engine {
  readonly limits = { maxBodyBytes: 1 << 20, maxBatchDocs: 1000, maxTextBytes: 1 << 16 };
  readonly tenantsByName = new Map<string, Map<string, Collection>>();
  readonly putManySizes: number[] = [];
  lastSearch: Partial<SearchRequest> | undefined;
  closed = 0;
  #sequence = 0;
  /** Called before every method; a test throws or waits in it. */
  before: (method: string) => Promise<void> | void = () => {};

  async sql(scope: Scope, { sql }: SqlQuery): Promise<SqlResponse> {
    await this.before("sql");
    this.#find(scope);
    const cost = {
      get_requests: 0,
      put_requests: 0,
      list_requests: 0,
      bytes_fetched: 0,
      cache_hits: 0,
      compute_ms: 0,
      usd: 0,
    };
    const stats = { took_ms: 1, shards_total: 0, shards_searched: 0, rows_gathered: 0, bytes_gathered: 0, cost };
    const rows = [[sql.length]];
    return { columns: [{ name: "length" }], rows, row_count: 1, degraded: false, failed_shards: [], stats };
  }

  #find(scope: Scope): Collection {
    const found = this.tenantsByName.get(scope.tenant)?.get(scope.collection);
    if (found !== undefined) return found;
    throw new MosaicError("not_found", "open collection", {
      code: "collection_not_found",
      detail: "No collection has this name.",
      key: `/secret/storage/tenants/${scope.tenant}`,
      hint: "secret hint",
    });
  }

  #create(scope: Scope, spec: CollectionSpec): Collection {
    const info: CollectionInfo = {
      name: collectionName(scope.collection),
      created_at: now,
      dimensions: spec.dimensions ?? null,
      distance: spec.distance ?? "cosine",
      embedding_model: "none",
      precision: spec.precision ?? "float32",
      language: spec.language ?? "en",
      cluster_by: spec.cluster_by ?? "embedding",
      shard_max_docs: spec.shard_max_docs ?? 100_000,
      ranker: spec.ranker ?? null,
      archive_after_days: spec.archive_after_days ?? null,
      archive_class: spec.archive_class ?? null,
      documents: 0,
    };
    const tenant = this.tenantsByName.get(scope.tenant) ?? new Map<string, Collection>();
    this.tenantsByName.set(scope.tenant, tenant);
    const collection = { info, documents: new Map<string, StoredDocument>() };
    tenant.set(scope.collection, collection);
    return collection;
  }

  #document(scope: Scope, id: string): StoredDocument {
    const found = this.#find(scope).documents.get(id);
    if (found !== undefined) return found;
    throw new MosaicError("not_found", "get", { code: "document_not_found", detail: "No document has this id." });
  }

  #store(scope: Scope, input: DocumentInput): WriteResult & { readonly created: boolean } {
    const { documents } = this.tenantsByName.get(scope.tenant)?.get(scope.collection) ?? this.#create(scope, {});
    const id = documentId(input.id ?? `made-${this.#sequence}`);
    const created = !documents.has(id);
    documents.set(id, {
      id,
      text: input.text,
      metadata: input.metadata ?? {},
      created_at: parseTimestamp(input.created_at ?? now) ?? now,
      updated_at: now,
      ...(input.embedding === undefined ? {} : { embedding: [...input.embedding] }),
    });
    return { id, version: `${++this.#sequence}.0`, created };
  }

  async gc(scope: Scope, collect: boolean): Promise<GarbageReport> {
    await this.before("gc");
    this.#find(scope);
    return { orphans: [], bytes: 0, condemned: 0, collected: collect };
  }

  async branch(scope: Scope, name: CollectionName): Promise<CollectionInfo> {
    await this.before("branch");
    const { documents } = this.#find(scope);
    const to = { ...scope, collection: name };
    const copy = this.#create(to, {}).documents;
    for (const [id, document] of documents) copy.set(id, document);
    return await this.collection(to);
  }

  async rollback(scope: Scope): Promise<CollectionInfo> {
    await this.before("rollback");
    return await this.collection(scope);
  }

  readonly jobs = new Map<string, JobInfo>();

  compact(scope: Scope): Promise<JobInfo> {
    return this.#begin("compact", scope);
  }
  computePageRank(scope: Scope): Promise<JobInfo> {
    return this.#begin("pagerank", scope);
  }
  archive(scope: Scope): Promise<JobInfo> {
    return this.#begin("archive", scope);
  }
  restore(scope: Scope): Promise<JobInfo> {
    return this.#begin("restore", scope);
  }

  async #begin(kind: "compact" | "pagerank" | "archive" | "restore", { tenant, collection }: Scope): Promise<JobInfo> {
    await this.before(kind);
    this.#find({ tenant, collection });
    const id = `job${this.jobs.size + 1}`;
    const progress = { done: 0, total: 0, unit: "documents" };
    const times = { created_at: now, updated_at: now, waits_until: null };
    const job: JobInfo = {
      id,
      kind,
      collection,
      status: "running",
      ...times,
      progress,
      result: null,
      error: null,
    };
    this.jobs.set(`${tenant}/${id}`, job);
    return job;
  }

  async job(tenant: string, id: string): Promise<JobInfo> {
    const job = this.jobs.get(`${tenant}/${id}`);
    if (job !== undefined) return job;
    throw new MosaicError("not_found", "read job", { code: "job_not_found", detail: "There is no job of this id." });
  }

  async cancelJob(tenant: string, id: string): Promise<JobInfo> {
    const job: JobInfo = { ...(await this.job(tenant, id)), status: "cancelled" };
    this.jobs.set(`${tenant}/${id}`, job);
    return job;
  }

  async put(scope: Scope, document: DocumentInput): Promise<WriteResult & { readonly created: boolean }> {
    await this.before("put");
    return this.#store(scope, document);
  }

  async putMany(scope: Scope, documents: readonly unknown[]): Promise<BatchResult> {
    await this.before("putMany");
    this.putManySizes.push(documents.length);
    const errors: BatchProblem[] = [];
    documents.forEach((document, index) => {
      const { text } = (document ?? {}) as { text?: unknown };
      if (typeof text === "string") this.#store(scope, document as DocumentInput);
      else errors.push({ index, code: "invalid_field", detail: "text must be a string." });
    });
    return { accepted: documents.length - errors.length, errors };
  }

  async get(scope: Scope, id: string, options: { readonly embedding?: boolean } = {}): Promise<StoredDocument> {
    await this.before("get");
    const { embedding, ...document } = this.#document(scope, id);
    return options.embedding && embedding !== undefined ? { ...document, embedding } : document;
  }

  async patch(scope: Scope, id: string, patch: DocumentPatch): Promise<WriteResult> {
    await this.before("patch");
    const { id: _, ...rest } = { ...this.#document(scope, id), ...patch };
    return this.#store(scope, { ...rest, id } as DocumentInput);
  }

  async delete(scope: Scope, id: string): Promise<WriteResult> {
    await this.before("delete");
    this.#document(scope, id);
    this.#find(scope).documents.delete(id);
    return { id, version: `${++this.#sequence}.0` };
  }

  async *searchStream(
    scope: Scope,
    request: Partial<SearchRequest>,
  ): AsyncGenerator<SearchHit, Omit<SearchResponse, "results">> {
    const { results, ...end } = await this.search(scope, request);
    yield* results;
    return end;
  }

  hybrid(scope: Scope, request: Partial<SearchRequest>): Promise<SearchResponse> {
    return this.search(scope, request);
  }

  async search(scope: Scope, request: Partial<SearchRequest>): Promise<SearchResponse> {
    await this.before("search");
    this.lastSearch = request;
    const all = [...this.#find(scope).documents.values()];
    const found = all.filter((document) => request.query === undefined || document.text.includes(request.query));
    const results = found
      .slice(request.offset ?? 0)
      .map(({ id, text, metadata, created_at }) => ({ id, score: 0.5, text, metadata, created_at }));
    return {
      results: results.slice(0, request.limit ?? 10),
      degraded: false,
      failed_shards: [],
      stats: {
        took_ms: 1.25,
        shards_total: 1,
        shards_searched: 1,
        documents_scored: all.length,
        cells_total: 1,
        cells_searched: 1,
        rows_rescored: found.length,
        cost: {
          get_requests: 0,
          put_requests: 0,
          list_requests: 0,
          bytes_fetched: 0,
          cache_hits: 1,
          compute_ms: 0.5,
          usd: 0,
        },
      },
    };
  }

  async createCollection(scope: Scope, spec: CollectionSpec): Promise<CollectionInfo> {
    await this.before("createCollection");
    if (this.tenantsByName.get(scope.tenant)?.has(scope.collection)) {
      throw new MosaicError("conflict", "create", {
        code: "collection_exists",
        detail: "A collection has this name already.",
      });
    }
    if (spec.embedding_model !== undefined) throw invalid("embedding_model_not_allowed", "Not configured here.");
    return this.#create(scope, spec).info;
  }

  async collections(tenant: TenantName): Promise<CollectionList> {
    await this.before("collections");
    const collections = [...(this.tenantsByName.get(tenant)?.values() ?? [])].map(({ info }) => info);
    return { collections, unreadable: [] };
  }

  async collection(scope: Scope): Promise<CollectionInfo> {
    await this.before("collection");
    const { info, documents } = this.#find(scope);
    return { ...info, documents: documents.size };
  }

  async deleteCollection(scope: Scope): Promise<void> {
    await this.before("deleteCollection");
    this.#find(scope);
    this.tenantsByName.get(scope.tenant)?.delete(scope.collection);
  }

  async stats(scope: Scope): Promise<CollectionStats> {
    await this.before("stats");
    return {
      documents: this.#find(scope).documents.size,
      deleted: 0,
      bytes: 0,
      generation: 1,
      shards: [],
      shards_by_status: {},
      bytes_by_class: {},
      wal: { segments: 0, bytes: 0, last_sequence: this.#sequence, folded_through: 0 },
      cache: { bytes: 0, files: 0 },
      last_fold_at: null,
      last_compaction_at: null,
      last_pagerank_at: null,
    };
  }

  async tenants(): Promise<readonly TenantName[]> {
    return [...this.tenantsByName.keys()] as TenantName[];
  }

  async verify(): Promise<VerifyReport> {
    const nothing = { problems: [], quarantined: [], archived: [], repairs: [] };
    return { ok: true, documents: 0, shards: 0, objects: 0, bytes: 0, ...nothing };
  }

  async fold(): Promise<void> {
    await this.before("fold");
  }

  async inboxFiles(): Promise<InboxPage> {
    await this.before("inboxFiles");
    return { files: [], next: null };
  }

  readonly keys = new Map<string, KeyInfo>();
  async findKey(key: string): Promise<KeyInfo | undefined> {
    await this.before("findKey");
    return this.keys.get(key);
  }

  async ready(): Promise<void> {
    await this.before("ready");
  }

  async close(): Promise<void> {
    this.closed++;
  }
}
