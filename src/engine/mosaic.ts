import {
  asMosaicError,
  type Clock,
  type CollectionName,
  type Logger,
  type Random,
  type Scope,
  type Settings,
  silentLogger,
  systemClock,
  systemRandom,
  type TenantName,
} from "../base/index.ts";
import { type Embedder, openEmbedder } from "../embedding/index.ts";
import { Inbox, type InboxPage, type InboxQuery, InboxWatch, listInbox } from "../inbox/index.ts";
import { type KeyInfo, KeyRing, StoredKeys } from "../keys/index.ts";
import { listTenants } from "../manifest/index.ts";
import { FilterColumns, Root, TermTables, TextSearch } from "../search/index.ts";
import { type ObjectStore, openStore } from "../store/index.ts";
import { currentReceipt } from "../telemetry/index.ts";
import type {
  ArchiveRequest,
  BatchResult,
  CollectionInfo,
  CollectionList,
  CollectionSpec,
  CollectionStats,
  DocumentInput,
  DocumentPatch,
  Engine,
  GarbageReport,
  GetOptions,
  JobInfo,
  PageRankOptions,
  RestoreRequest,
  SearchHit,
  SearchRequest,
  SearchResponse,
  SqlQuery,
  SqlResponse,
  StoredDocument,
  VerifyOptions,
  VerifyReport,
  WriteResult,
} from "./api.ts";
import { Archive } from "./archive.ts";
import { checkPageRank } from "./check-page-rank.ts";
import type { Collection, EngineParts } from "./collection.ts";
import { Collections } from "./collections.ts";
import { describeCollection, describeStats } from "./describe.ts";
import { AutomaticCompaction, CompactJob } from "./jobs/compaction.ts";
import { Jobs, type LeaveJob } from "./jobs/jobs.ts";
import { OneAtATime } from "./jobs/one-at-a-time.ts";
import { PageRankJob } from "./jobs/pagerank.ts";
import { Lifecycle } from "./lifecycle.ts";
import { localMachinery, type Machinery } from "./machinery.ts";
import { type MaintainOptions, Maintenance, type MaintenanceReport } from "./maintenance.ts";
import { type Forgotten, forgetOldRecords } from "./old-records.ts";
import { Policies } from "./policies.ts";
import { Reads } from "./reads.ts";
import { Searches } from "./searches.ts";
import { Sql } from "./sql.ts";
import { Writes } from "./writes.ts";

export interface OpenOptions {
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Instead of what the settings name: for tests, and for compositions that bring their own. */
  readonly store?: ObjectStore;
  readonly embedder?: Embedder;
  readonly machinery?: Machinery;
  /** Long work that is asked for here is left to another process, which this may tell. Without it, this process does it. */
  readonly leaveJob?: LeaveJob | undefined;
}

/** Mosaic in this process: the library, and what the server and the command line stand on. */
export class Mosaic implements Engine {
  readonly settings: Settings;
  readonly limits: Engine["limits"];
  /** API keys that lie hashed in storage. */
  readonly keys: StoredKeys;
  /** Files that users drop. */
  readonly inbox: Inbox;
  readonly #inboxWatch: InboxWatch;
  readonly #keyRing: KeyRing;
  readonly #parts: EngineParts;
  readonly #embedder: Embedder;
  readonly #machinery: Machinery;
  readonly #collections: Collections;
  readonly #reads: Reads;
  readonly #writes: Writes;
  readonly #sql: Sql;
  readonly #searches: Searches;
  readonly #jobs: Jobs;
  readonly #compact: CompactJob;
  readonly #maintenance: Maintenance;
  readonly #pageRank = new PageRankJob();
  readonly #automatic: AutomaticCompaction;
  readonly #lifecycle: Lifecycle;
  readonly #archive: Archive;
  readonly #policies: Policies;
  #inBackground = false;

  private constructor(
    settings: Settings,
    parts: EngineParts,
    embedder: Embedder,
    machinery: Machinery,
    leave: LeaveJob | undefined,
  ) {
    const { maxBodyBytes, maxBatchDocs, maxTextBytes } = settings;
    this.settings = settings;
    this.limits = { maxBodyBytes, maxBatchDocs, maxTextBytes };
    this.#parts = parts;
    this.keys = new StoredKeys(parts);
    this.#keyRing = new KeyRing(this.keys, parts.clock, settings.keyCacheMs);
    this.inbox = new Inbox({ ...parts, sink: this });
    const { inboxPollMs: pollMs, inboxSettleMs: settledMs } = settings;
    this.#inboxWatch = new InboxWatch({ ...parts, inbox: this.inbox, pollMs, settledMs });
    this.#embedder = embedder;
    this.#machinery = machinery;
    const root = new Root(machinery.leaves, parts.clock, parts.settings);
    const turns = new OneAtATime();
    this.#compact = new CompactJob(turns);
    const tidy = new CompactJob(turns, "tidy");
    this.#automatic = new AutomaticCompaction({ logger: parts.logger, turns });
    this.#collections = new Collections(parts, embedder, (collection) => {
      if (this.#inBackground && settings.compactAutomatically) this.#automatic.noticeShards(collection);
    });
    this.#reads = new Reads({ parts, collections: this.#collections, root, embedder });
    this.#lifecycle = new Lifecycle({ parts, collections: this.#collections, root, embedder, reads: this.#reads });
    this.#archive = new Archive({ parts, reads: this.#reads });
    this.#policies = new Policies({
      ...parts,
      intervalMs: settings.policyIntervalMs,
      tenants: () => this.tenants(),
      collections: (tenant) => this.#collections.names(tenant),
      apply: (scope) => this.applyPolicies(scope),
      forget: () => this.#forget(() => Number.POSITIVE_INFINITY),
    });
    this.#jobs = new Jobs({
      ...parts,
      open: (scope) => this.#reads.fresh(scope, async (collection) => collection),
      kinds: [this.#compact, this.#pageRank, tidy, this.#archive.archiving, this.#archive.restoring],
      leave,
    });
    this.#maintenance = new Maintenance(parts, {
      inbox: this.inbox,
      names: (tenant) => this.#collections.names(tenant),
      fold: (scope) => this.fold(scope),
      collectGarbage: async (scope) => void (await this.gc(scope, true)),
      compact: async (scope) => {
        if (!this.#jobs.isRunning(tidy.name, scope)) await this.#jobs.begin(tidy, scope, null);
      },
      resumeJobs: () => this.#jobs.resume(),
      resumeJob: (tenant, id) => this.#jobs.resumeOne(tenant, id),
      jobsEnded: () => this.#jobs.idle(),
      forget: (remainingMs) => this.#forget(remainingMs),
      policies: [
        {
          name: "archive",
          isDue: (manifest) => this.#archive.asksFor(manifest),
          run: async (scope) => {
            if (!this.#jobs.isRunning(this.#archive.archiving.name, scope)) await this.applyPolicies(scope);
          },
        },
      ],
    });
    const columns = new FilterColumns(machinery.leaves, settings.filterColumnsMaxBytes);
    this.#sql = new Sql({ parts, reads: this.#reads, root, columns, searches: () => this.#searches });
    const text = new TextSearch(machinery.leaves, new TermTables(parts.localObjects, settings.termsMaxBytes));
    this.#searches = new Searches({ parts, reads: this.#reads, root, text, sql: this.#sql });
    this.#writes = new Writes({ parts, collections: this.#collections, root, embedder, reads: this.#reads });
  }

  /** Opens storage and prepares threads; the model is loaded by the first text, or by `warm`. */
  static async open(settings: Settings, options: OpenOptions = {}): Promise<Mosaic> {
    const { logger = silentLogger, clock = systemClock, random = systemRandom } = options;
    const embedder = options.embedder ?? openEmbedder(settings, { clock });
    const store = options.store ?? (await openStore(settings, { clock, random, currentReceipt }));
    const machinery = options.machinery ?? localMachinery(settings, { store, clock, random, logger });
    const { localObjects, builder, compactor, ranker, workFolder, noteLayout = () => undefined } = machinery;
    const surroundings = { settings, store, clock, random, logger };
    const parts = { ...surroundings, localObjects, builder, compactor, ranker, workFolder, noteLayout };
    return new Mosaic(settings, parts, embedder, machinery, options.leaveJob);
  }

  /** Loads model and threads ahead of the first query. */
  async warm(): Promise<void> {
    this.#machinery.warm();
    this.#sql.warm();
    await this.#embedder.warm();
  }

  put(scope: Scope, document: DocumentInput): Promise<WriteResult & { readonly created: boolean }> {
    return this.#writes.put(scope, document);
  }
  putMany(scope: Scope, documents: readonly unknown[]): Promise<BatchResult> {
    return this.#writes.putMany(scope, documents);
  }
  patch(scope: Scope, id: string, patch: DocumentPatch): Promise<WriteResult> {
    return this.#writes.patch(scope, id, patch);
  }
  delete(scope: Scope, id: string): Promise<WriteResult> {
    return this.#writes.delete(scope, id);
  }
  get(scope: Scope, id: string, options: GetOptions = {}): Promise<StoredDocument> {
    return this.#reads.get(scope, id, options);
  }
  search(scope: Scope, request: Partial<SearchRequest>): Promise<SearchResponse> {
    return this.#searches.run(scope, request, "semantic");
  }
  hybrid(scope: Scope, request: Partial<SearchRequest>): Promise<SearchResponse> {
    return this.#searches.run(scope, request, "hybrid");
  }
  searchStream(
    scope: Scope,
    request: Partial<SearchRequest>,
    kind: "semantic" | "hybrid" = "semantic",
  ): AsyncGenerator<SearchHit, Omit<SearchResponse, "results">> {
    return this.#searches.stream(scope, request, kind);
  }
  sql(scope: Scope, query: SqlQuery): Promise<SqlResponse> {
    return this.#sql.run(scope, query);
  }

  async createCollection(scope: Scope, spec: CollectionSpec): Promise<CollectionInfo> {
    return describeCollection(await this.#collections.create(scope, spec), 0);
  }
  async collections(tenant: TenantName): Promise<CollectionList> {
    const scopes = await this.#collections.names(tenant);
    const told = await Promise.allSettled(
      scopes.map((scope) => this.#reads.ifPresent(scope, (collection) => this.#describe(collection))),
    );
    const collections = told.flatMap((one) => (one.status === "fulfilled" ? (one.value ?? []) : []));
    const unreadable = told.flatMap((one, at) => {
      if (one.status === "fulfilled") return [];
      const { code, detail } = asMosaicError(one.reason, "describe collection");
      return { name: (scopes[at] as Scope).collection, code, detail };
    });
    return { collections, unreadable };
  }
  collection(scope: Scope): Promise<CollectionInfo> {
    return this.#reads.fresh(scope, (collection) => this.#describe(collection));
  }
  async deleteCollection(scope: Scope): Promise<void> {
    await this.#reads.fresh(scope, async (collection) => {
      await this.#lifecycle.releaseBranches(collection);
      await this.#collections.delete(collection);
    });
  }
  stats(scope: Scope): Promise<CollectionStats> {
    return this.#reads.fresh(scope, async (collection) => {
      const documents = await this.#reads.count(collection);
      return describeStats(collection, documents, this.#parts.localObjects);
    });
  }
  tenants(): Promise<readonly TenantName[]> {
    return listTenants(this.#parts.store);
  }

  verify(scope: Scope, options: VerifyOptions = {}): Promise<VerifyReport> {
    return this.#lifecycle.verify(scope, options);
  }

  async fold(scope: Scope): Promise<void> {
    await this.#reads.fresh(scope, async ({ schedule }) => schedule.foldAll());
  }

  gc(scope: Scope, collect: boolean): Promise<GarbageReport> {
    return this.#lifecycle.gc(scope, collect);
  }
  branch(scope: Scope, name: CollectionName, asOf?: number | string): Promise<CollectionInfo> {
    return this.#lifecycle.branch(scope, name, asOf);
  }
  rollback(scope: Scope, asOf: number | string): Promise<CollectionInfo> {
    return this.#lifecycle.rollback(scope, asOf);
  }
  compact(scope: Scope): Promise<JobInfo> {
    return this.#jobs.begin(this.#compact, scope, null);
  }
  async computePageRank(scope: Scope, options: PageRankOptions = {}): Promise<JobInfo> {
    return await this.#jobs.begin(this.#pageRank, scope, checkPageRank(options));
  }
  archive(scope: Scope, request: ArchiveRequest): Promise<JobInfo> {
    return this.#archive.archive(this.#jobs, scope, request);
  }
  restore(scope: Scope, request: RestoreRequest = {}): Promise<JobInfo> {
    return this.#archive.restore(this.#jobs, scope, request);
  }
  /** Begins what a collection's policies ask for: archiving by age. Undefined when that is nothing. */
  applyPolicies(scope: Scope): Promise<JobInfo | undefined> {
    return this.#archive.applyPolicies(this.#jobs, scope);
  }
  job(tenant: TenantName, id: string): Promise<JobInfo> {
    return this.#jobs.get(tenant, id);
  }
  cancelJob(tenant: TenantName, id: string): Promise<JobInfo> {
    return this.#jobs.cancel(tenant, id);
  }
  /** Resolves when this process no longer runs the job: it has ended, or was put aside until a time. */
  jobEnded(id: string): Promise<void> {
    return this.#jobs.settled(id);
  }
  /** What nobody else has come to, over all tenants, until time is up: for a schedule. */
  maintain(options: MaintainOptions = {}): Promise<MaintenanceReport> {
    return this.#maintenance.run(options);
  }
  /** Does one job that another process left, as far as time allows. Throws `not_found` when it is not there. */
  doJob(tenant: TenantName, id: string, remainingMs?: () => number): Promise<void> {
    return this.#maintenance.job(tenant, id, remainingMs);
  }
  /** For a process that stays: compacts collections as their shards ask for it, and goes on with jobs whose process died. */
  async workInBackground(): Promise<void> {
    this.#inBackground = true;
    if (this.settings.inboxPollMs > 0) this.#inboxWatch.start();
    this.#policies.start();
    await this.#jobs.resume();
  }

  inboxFiles(tenant: TenantName, query: InboxQuery): Promise<InboxPage> {
    const { store, clock } = this.#parts;
    return listInbox(store, tenant, query, clock.now());
  }
  findKey(key: string): Promise<KeyInfo | undefined> {
    return this.#keyRing.find(key);
  }

  async ready(): Promise<void> {
    await this.#parts.store.head("ready");
  }

  #forget(remainingMs: () => number): Promise<Forgotten> {
    return forgetOldRecords({ ...this.#parts, inbox: this.inbox, jobs: this.#jobs }, remainingMs);
  }

  async #describe(collection: Collection): Promise<CollectionInfo> {
    return describeCollection(collection, await this.#reads.count(collection));
  }

  /** Resolves when nothing that a request began is still at work behind its answer: for a process that is frozen then. */
  async settled(): Promise<void> {
    await this.#collections.settled();
    await this.#machinery.settled?.();
  }

  /** Finishes what was begun: waits for writes under way and for a running fold; the tail stays in the log. */
  async close(): Promise<void> {
    await this.#inboxWatch.close();
    this.#policies.stop();
    await Promise.all([this.#jobs.close(), this.#automatic.close()]);
    await this.#collections.close();
    await Promise.all([this.#sql.close(), this.#machinery.close(), this.#embedder.close()]);
    await this.#parts.store.close();
  }
}
