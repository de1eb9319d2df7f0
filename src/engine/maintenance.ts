import {
  asMosaicError,
  collectionPrefix,
  errorFields,
  isMosaicError,
  type Logger,
  type Scope,
  type TenantName,
} from "../base/index.ts";
import type { Inbox } from "../inbox/index.ts";
import { chooseCompaction, MaintenanceState } from "../lifecycle/index.ts";
import { listTenants, type Manifest, ManifestStore, segmentKey } from "../manifest/index.ts";
import type { EngineParts } from "./collection.ts";
import type { Forgotten } from "./old-records.ts";

export interface MaintainOptions {
  /** Where time is limited: nothing is begun when less than INBOX_RESERVE_MS is left. */
  readonly remainingMs?: () => number;
  /** Hands on a file that was left behind in the inbox; without it the file is read here. */
  readonly handOn?: (key: string) => Promise<void>;
  /** Younger files are left alone: an event or a watch will come to them. A quarter of an hour where it is not said. */
  readonly leftBehindMs?: number;
  /** Told before each collection: how many were looked at, of how many. */
  readonly onProgress?: (scope: Scope, done: number, total: number) => void;
}

export interface MaintenanceReport {
  /** True when another process is at it: then nothing was done. */
  readonly busy: boolean;
  /** False when time was up, or another process is at it: the next run goes on behind the last collection. */
  readonly complete: boolean;
  /** Collections that were looked at, and what was done to them. */
  readonly collections: number;
  readonly folded: number;
  readonly compactions: number;
  readonly collected: number;
  readonly policies: number;
  /** Files that were left behind in the inbox. */
  readonly files: number;
  /** Records of files and jobs that were old enough to go: INBOX_STATE_DAYS, JOBS_KEEP_DAYS. Looked for once a day. */
  readonly forgotten: number;
  /** Collections and files that could not be seen to: the log says why, and the next run tries again. */
  readonly failed: number;
}

/** What else is done to collections now and then: an entry of its own for each policy, such as moving old shards. */
export interface PolicyTask {
  readonly name: string;
  /** Asked with the manifest alone: no other request is made for a collection that needs nothing. */
  isDue(manifest: Manifest, lastMs: number): boolean;
  /** Begins it, as a job where it takes long. */
  run(scope: Scope): Promise<void>;
}

interface Work {
  readonly inbox: Inbox;
  readonly names: (tenant: TenantName) => Promise<readonly Scope[]>;
  readonly fold: (scope: Scope) => Promise<void>;
  readonly collectGarbage: (scope: Scope) => Promise<void>;
  /** Begins a compaction as a job, unless one is under way. */
  readonly compact: (scope: Scope) => Promise<void>;
  readonly resumeJobs: () => Promise<void>;
  readonly resumeJob: (tenant: TenantName, id: string) => Promise<void>;
  readonly jobsEnded: () => Promise<void>;
  readonly forget: (remainingMs: () => number) => Promise<Forgotten>;
  readonly policies: readonly PolicyTask[];
}

/** A file that lies in the inbox for so long was told to nobody, or to one who died. */
const longAgoMs = 15 * 60_000;
/** Litter of crashes is looked for so often: that takes a LIST of the whole collection; and so are old records. */
const litterMs = 24 * 3_600_000;

/** Generations that are worth deleting for their manifests alone. */
const manyGenerations = 100;

const endless = (): number => Number.POSITIVE_INFINITY;

type Counts = { -readonly [key in keyof MaintenanceReport]: MaintenanceReport[key] };

/** What a run has looked at, and where it found anything to do. */
class Looks {
  readonly scopes: readonly Scope[];
  readonly #left = new Map<TenantName, number>();
  readonly #busy = new Map<TenantName, boolean>();

  constructor(scopes: readonly Scope[]) {
    this.scopes = scopes;
    for (const { tenant } of scopes) this.#left.set(tenant, (this.#left.get(tenant) ?? 0) + 1);
  }
  note({ tenant }: Scope, busy: boolean): void {
    this.#left.set(tenant, (this.#left.get(tenant) ?? 0) - 1);
    this.#busy.set(tenant, busy || (this.#busy.get(tenant) ?? false));
  }
  /** Tenants whose collections were all looked at. */
  finished(): ReadonlyMap<TenantName, boolean> {
    return new Map([...this.#busy].filter(([tenant]) => this.#left.get(tenant) === 0));
  }
}

/**
 * What nobody else has come to, over all tenants: folds, compactions, garbage, policies, jobs that were put aside, files that
 * no event told of. Collections take turns, a tenant's beside every other tenant's, and the turn is written down before each:
 * neither many collections nor one that ends the process keeps the others waiting.
 */
export class Maintenance {
  readonly #parts: EngineParts;
  readonly #work: Work;
  readonly #logger: Logger;

  constructor(parts: EngineParts, work: Work) {
    this.#parts = parts;
    this.#work = work;
    this.#logger = parts.logger;
  }

  async run(options: MaintainOptions): Promise<MaintenanceReport> {
    const { remainingMs = endless } = options;
    const counts: Counts = {
      busy: false,
      complete: false,
      collections: 0,
      folded: 0,
      compactions: 0,
      collected: 0,
      policies: 0,
      files: 0,
      forgotten: 0,
      failed: 0,
    };
    const state = await MaintenanceState.take(this.#parts);
    if (state === undefined) return { ...counts, busy: true };
    try {
      await this.#work.resumeJobs();
      await this.#files(counts, options);
      counts.complete = await this.#collections(counts, state, options);
      await this.#forget(counts, state, remainingMs);
      await this.#jobs(remainingMs);
    } finally {
      await state.release();
    }
    return counts;
  }

  /** One job, until it is over, put aside, or less than INBOX_RESERVE_MS is left. Throws `not_found` when it is not there. */
  async job(tenant: TenantName, id: string, remainingMs: () => number = endless): Promise<void> {
    await this.#work.resumeJob(tenant, id);
    await this.#jobs(remainingMs);
  }

  async #files(
    counts: Counts,
    { remainingMs = endless, leftBehindMs: settledMs = longAgoMs, handOn }: MaintainOptions,
  ): Promise<void> {
    const { inbox } = this.#work;
    if (handOn === undefined) {
      const { taken, failed } = await inbox.sweep({ settledMs, remainingMs });
      counts.files += taken.length;
      counts.failed += failed.length;
      for (const { key, error } of failed)
        this.#logger.warn("a file of the inbox was not read; it will be tried again", { key, ...errorFields(error) });
      return;
    }
    for await (const key of inbox.waiting(settledMs)) {
      if (remainingMs() < this.#reserveMs) return;
      await handOn(key);
      counts.files++;
    }
  }

  async #collections(counts: Counts, state: MaintenanceState, options: MaintainOptions): Promise<boolean> {
    const looks = new Looks(await this.#everyCollection(state));
    try {
      return await this.#inTurn(looks, counts, state, options);
    } finally {
      state.noteLooks(looks.finished(), this.#parts.settings.maintainQuietMs);
    }
  }

  async #inTurn(
    looks: Looks,
    counts: Counts,
    state: MaintenanceState,
    { remainingMs = endless, onProgress }: MaintainOptions,
  ): Promise<boolean> {
    for (const scope of state.inTurn(looks.scopes)) {
      if (remainingMs() < this.#reserveMs) return false;
      onProgress?.(scope, counts.collections, looks.scopes.length);
      counts.collections++;
      try {
        looks.note(scope, await this.#collection(scope, counts, state));
      } catch (error) {
        if (isMosaicError(error, "conflict") && error.code === "maintenance_taken_over") throw error;
        looks.note(scope, true);
        counts.failed++;
        this.#logger.warn("maintenance failed; it will be tried again", {
          ...scope,
          ...errorFields(asMosaicError(error, "maintain")),
        });
      }
    }
    return true;
  }

  /** Last, since nobody waits for it. */
  async #forget(counts: Counts, state: MaintenanceState, remainingMs: () => number): Promise<void> {
    if (this.#parts.clock.now() - state.lastOfAllMs("records") < litterMs) return;
    if (remainingMs() < this.#reserveMs) return;
    const { forgotten, complete } = await this.#work.forget(remainingMs);
    counts.forgotten += forgotten;
    if (complete) await state.noteDone("records");
  }

  /** Resolves to whether there was anything to do. */
  async #collection(scope: Scope, counts: Counts, state: MaintenanceState): Promise<boolean> {
    const { store, clock, random } = this.#parts;
    const manifest = (await new ManifestStore({ store, clock, random }, scope).read())?.manifest;
    if (manifest === undefined) return false;
    const hasTail = await this.#hasTail(scope, manifest);
    const wantsCompaction = chooseCompaction(manifest.shards, manifest.settings.shardMaxDocs).length > 0;
    const wantsLitter = clock.now() - state.lastMs("litter", scope) >= litterMs;
    const hasGarbage = this.#hasGarbage(manifest);
    const wantsGarbage = hasGarbage || wantsLitter;
    const due = this.#work.policies.filter(({ name, isDue }) => isDue(manifest, state.lastMs(name, scope)));
    if (!hasTail && !wantsCompaction && !wantsGarbage && due.length === 0) return false;
    await state.begin(scope, [...(wantsGarbage ? ["litter"] : []), ...due.map(({ name }) => name)]);
    if (hasTail) await this.#work.fold(scope).then(() => counts.folded++);
    if (wantsGarbage) await this.#work.collectGarbage(scope).then(() => counts.collected++);
    if (wantsCompaction) await this.#work.compact(scope).then(() => counts.compactions++);
    for (const policy of due) await policy.run(scope).then(() => counts.policies++);
    // To look for litter once a day is no sign of life.
    return hasTail || wantsCompaction || hasGarbage || due.length > 0;
  }

  async #hasTail(scope: Scope, { foldedThrough }: Manifest): Promise<boolean> {
    const prefix = collectionPrefix(scope);
    const startAfter = prefix + segmentKey(foldedThrough);
    const found = await Array.fromAsync(this.#parts.store.list(`${prefix}wal/`, { startAfter, limit: 1 }));
    return found.length > 0;
  }

  /**
   * Whether something is due to be deleted. Kept manifests alone are not worth it: deleting them makes new ones, so that a
   * collection at rest would never come to rest.
   */
  #hasGarbage({ condemned }: Manifest): boolean {
    const { clock, settings } = this.#parts;
    const dueMs = clock.now() - Math.max(settings.gcGraceMs, settings.snapshotKeepMs);
    const due = condemned.filter(({ deleting, atMs }) => deleting || atMs <= dueMs);
    return due.length >= manyGenerations || due.some(({ keys, wal }) => keys.length > 0 || wal !== null);
  }

  /**
   * The first collection of every tenant, then the second of each, and so on. Tenants where the last looks found nothing are
   * asked for less and less often: a thousand that rest cost one LIST, and not six requests each.
   */
  async #everyCollection(state: MaintenanceState): Promise<readonly Scope[]> {
    const tenants = (await listTenants(this.#parts.store)).filter((tenant) => !state.isQuiet(tenant));
    const lists = await Promise.all(tenants.map((tenant) => this.#work.names(tenant)));
    const most = Math.max(0, ...lists.map((list) => list.length));
    return Array.from({ length: most }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
  }

  /** Jobs that are still under way when time is up go on in the next run. */
  async #jobs(remainingMs: () => number): Promise<void> {
    const leftMs = remainingMs() - this.#reserveMs;
    const ended = this.#work.jobsEnded();
    if (leftMs === Number.POSITIVE_INFINITY) return await ended;
    const done = new AbortController();
    const timeIsUp = this.#parts.clock.sleep(Math.max(0, leftMs), done.signal).catch(() => undefined);
    await Promise.race([ended, timeIsUp]);
    done.abort();
  }

  get #reserveMs(): number {
    return this.#parts.settings.inboxReserveMs;
  }
}
