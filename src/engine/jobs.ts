import {
  asMosaicError,
  errorFields,
  isMosaicError,
  MosaicError,
  type Scope,
  scopeOf,
  type TenantName,
} from "../base/index.ts";
import {
  aliveMs,
  type CompactionState,
  chooseAll,
  chooseCompaction,
  isOver,
  type Job,
  JobStore,
  type StoredJob,
} from "../lifecycle/index.ts";
import type { JobInfo } from "./api.ts";
import type { Collection, EngineParts } from "./collection.ts";

interface JobParts {
  readonly parts: EngineParts;
  readonly open: (scope: Scope) => Promise<Collection>;
}

/** Ends the work between two regions: the job says how it goes on. */
class Interrupted extends Error {
  readonly cancelled: boolean;
  constructor(cancelled: boolean) {
    super(cancelled ? "cancelled" : "stopping");
    this.cancelled = cancelled;
  }
}

/** Long work of this process, and the jobs of all. */
export class Jobs {
  readonly #with: JobParts;
  readonly #store: JobStore;
  readonly #running = new Map<string, Promise<void>>();
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: JobParts) {
    this.#with = parts;
    this.#store = new JobStore(parts.parts);
  }

  /** Begins to compact everything, unless that would change nothing; the job says so then. */
  async compact(scope: Scope): Promise<JobInfo> {
    const collection = await this.#with.open(scope);
    const unit = "documents";
    const stored = await this.#store.create("compact", collection.scope, { done: 0, total: 0, unit });
    this.#run(stored);
    return infoOf(stored.job);
  }

  async get(tenant: TenantName, id: string): Promise<JobInfo> {
    return infoOf((await this.#store.read(tenant, id)).job);
  }

  async cancel(tenant: TenantName, id: string): Promise<JobInfo> {
    return infoOf((await this.#store.cancel(tenant, id)).job);
  }

  /** Resolves when a job that this process runs has ended, in whatever way. */
  async settled(id: string): Promise<void> {
    await this.#running.get(id);
  }

  /** Goes on with jobs whose process has died. */
  async resume(): Promise<void> {
    for await (const stored of this.#store.all((error) =>
      this.#with.parts.logger.warn("a job can't be read", errorFields(error)),
    )) {
      if (isOver(stored.job)) continue;
      const taken = await this.#store.takeOver(stored);
      if (taken !== undefined) this.#run(taken);
    }
  }

  /** Told after folds: compacts a collection whose shards ask for it, once at a time. */
  noticeShards(collection: Collection): void {
    const { settings, shards } = collection.log.manifest;
    const key = `auto ${collection.scope.tenant}/${collection.scope.collection}`;
    if (this.#closed || this.#running.has(key) || chooseCompaction(shards, settings.shardMaxDocs).length === 0) return;
    const work = this.#automatic(collection).finally(() => this.#running.delete(key));
    this.#running.set(key, work);
  }

  /** Stops between two regions; whoever resumes goes on from there. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running.values());
  }

  #run(stored: StoredJob): void {
    const { id } = stored.job;
    const work = this.#work(stored).finally(() => this.#running.delete(id));
    this.#running.set(id, work);
  }

  async #work(start: StoredJob): Promise<void> {
    let stored = start;
    const write = async (change: (job: Job) => Partial<Job>): Promise<void> => {
      stored = await this.#store.update(stored, change);
    };
    const { clock, logger } = this.#with.parts;
    const beat = this.#beat(() => write(() => ({ aliveUntilMs: clock.now() + aliveMs })));
    try {
      const result = await this.#compaction(stored.job, async (state) => {
        const progress = { done: state.done, total: state.total, unit: "documents" };
        await write(() => ({ state, progress, aliveUntilMs: clock.now() + aliveMs }));
        if (stored.job.cancelRequested) throw new Interrupted(true);
        if (this.#closed) throw new Interrupted(false);
      });
      await write(({ progress }) => ({
        status: "done",
        state: null,
        result,
        progress: { ...progress, done: progress.total },
      }));
    } catch (error) {
      await this.#ended(error, write).catch((cause: unknown) =>
        logger.error("could not write the job", errorFields(cause)),
      );
    } finally {
      beat();
    }
  }

  async #ended(error: unknown, write: (change: (job: Job) => Partial<Job>) => Promise<void>): Promise<void> {
    if (error instanceof Interrupted) {
      await write(() => (error.cancelled ? { status: "cancelled", state: null } : { aliveUntilMs: 0 }));
      return;
    }
    const { code, detail } = asMosaicError(error, "run job");
    this.#with.parts.logger.error("job failed", errorFields(error));
    await write(() => ({ status: "failed", error: { code, detail } }));
  }

  async #compaction(
    job: Job,
    save: (state: CompactionState) => Promise<void>,
  ): Promise<Readonly<Record<string, number>>> {
    const collection = await this.#with.open(scopeOf(job.tenant, job.collection));
    await collection.schedule.foldAll();
    const { shards } = collection.log.manifest;
    const state = (job.state as CompactionState | null) ?? collection.compaction.plan(chooseAll(shards));
    await save(state);
    const after = await this.#inTurn(() => collection.compaction.run(state, { save }));
    return { shards_before: after.shardsBefore, shards_after: collection.log.manifest.shards.length };
  }

  /** Background compaction: kept in memory only, since the next fold would ask for it again. */
  async #automatic(collection: Collection): Promise<void> {
    const { logger } = this.#with.parts;
    const { settings, shards } = collection.log.manifest;
    try {
      const state = collection.compaction.plan(chooseCompaction(shards, settings.shardMaxDocs));
      const save = async (): Promise<void> => {
        if (this.#closed) throw new Interrupted(false);
      };
      await this.#inTurn(() => collection.compaction.run(state, { save }));
      logger.info("compacted", { ...collection.scope, shards: shards.length });
    } catch (error) {
      if (error instanceof Interrupted || isMosaicError(error, "conflict")) return; // another process is at it
      logger.warn("background compaction failed; it will be tried again", {
        ...collection.scope,
        ...errorFields(error),
      });
    }
  }

  /** The thread that compacts keeps one compaction at a time. */
  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(task);
    this.#turn = turn.then(
      () => undefined,
      () => undefined,
    );
    return await turn;
  }

  #beat(write: () => Promise<void>): () => void {
    const { clock } = this.#with.parts;
    let ended = false;
    let cancel: () => void = () => undefined;
    const wait = (): void => {
      if (ended) return;
      cancel = clock.schedule(aliveMs / 3, () => {
        write().then(wait, wait);
      });
    };
    wait();
    return () => {
      ended = true;
      cancel();
    };
  }
}

export function infoOf({ id, kind, collection, status, createdAt, updatedAt, progress, result, error }: Job): JobInfo {
  return { id, kind, collection, status, created_at: createdAt, updated_at: updatedAt, progress, result, error };
}

export const jobFailed = ({ error }: JobInfo): MosaicError =>
  new MosaicError("unavailable", "run job", {
    code: error?.code ?? "job_failed",
    detail: error?.detail ?? "The job failed.",
  });
