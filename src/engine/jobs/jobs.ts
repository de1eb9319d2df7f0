import {
  asMosaicError,
  type Clock,
  errorFields,
  type Logger,
  MosaicError,
  type Random,
  type Scope,
  scopeOf,
  type TenantName,
} from "../../base/index.ts";
import { aliveMs, isOver, type Job, JobStore, type StoredJob } from "../../lifecycle/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { JobInfo } from "../api.ts";
import type { Collection } from "../collection.ts";
import { heartbeat } from "./heartbeat.ts";
import { infoOf } from "./job-info.ts";
import { Interrupted, type JobKind, PutAside } from "./kind.ts";

interface JobParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly open: (scope: Scope) => Promise<Collection>;
  /** Jobs are only written down: whoever is told here, or resumes jobs, does them. */
  readonly leave?: LeaveJob | undefined;
  /** Each checks what it is given: inputs and states come from its own `begin` and `save`. */
  readonly kinds: readonly JobKind<never, never>[];
}

/** Is told of a job that was written down, for another process to do. Never rejects: it is found when jobs are resumed. */
export type LeaveJob = (tenant: TenantName, id: string) => Promise<void>;

type Change = (job: Job) => Partial<Job>;
/** What a kind keeps is its own business. */
type AnyKind = JobKind<unknown, unknown>;

/** A job that waits is looked at no less often: others may have gone on with it, or cancelled it. */
const longestWaitMs = 3_600_000;

/** Long work of this process, and the jobs of all. */
export class Jobs {
  readonly #with: JobParts;
  readonly #store: JobStore;
  readonly #kinds: ReadonlyMap<string, AnyKind>;
  readonly #running = new Map<string, Promise<void>>();
  /** Of those: `<kind> <tenant>/<collection>`. */
  readonly #names = new Map<string, string>();
  /** Of jobs that were put aside: by id, what ends the waiting. */
  readonly #waiting = new Map<string, () => void>();
  #closed = false;

  constructor(parts: JobParts) {
    this.#with = parts;
    this.#store = new JobStore(parts);
    this.#kinds = new Map(parts.kinds.map((kind) => [kind.name, kind as unknown as AnyKind]));
  }

  /** Writes a job down and begins it. Throws `not_found` when there is no such collection. */
  async begin<Input, State>({ name, unit }: JobKind<Input, State>, scope: Scope, input: Input): Promise<JobInfo> {
    const collection = await this.#with.open(scope);
    const stored = await this.#store.create(name, collection.scope, input, { done: 0, total: 0, unit });
    const { leave } = this.#with;
    if (leave === undefined) this.#run(stored);
    else {
      await this.#store.update(stored, () => ({ aliveUntilMs: 0 }));
      await leave(collection.scope.tenant, stored.job.id);
    }
    return infoOf(stored.job);
  }

  async get(tenant: TenantName, id: string): Promise<JobInfo> {
    return infoOf((await this.#store.read(tenant, id)).job);
  }

  async cancel(tenant: TenantName, id: string): Promise<JobInfo> {
    return infoOf((await this.#store.cancel(tenant, id)).job);
  }

  /** Resolves when this process no longer runs the job: it has ended, in whatever way, or was put aside. */
  async settled(id: string): Promise<void> {
    await this.#running.get(id);
  }

  /** Whether this process runs a job of the kind on the collection. */
  isRunning(kind: string, { tenant, collection }: Scope): boolean {
    return [...this.#names.values()].includes(`${kind} ${tenant}/${collection}`);
  }

  /** Resolves when this process runs no job. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Goes on with jobs that no process is at, and with those whose time has come; waits for the others. */
  async resume(): Promise<void> {
    for await (const stored of this.#store.all((error) =>
      this.#with.logger.warn("a job can't be read", errorFields(error)),
    )) {
      await this.#resume(stored);
    }
  }

  /** Goes on with one job, if no process is at it and its time has come. Throws `not_found` when there is no such job. */
  async resumeOne(tenant: TenantName, id: string): Promise<void> {
    await this.#resume(await this.#store.read(tenant, id));
  }

  /** Deletes jobs that ended before `beforeMs`. */
  async forget(beforeMs: number, mayGoOn: () => boolean): Promise<{ forgotten: number; complete: boolean }> {
    return await this.#store.forget(beforeMs, mayGoOn, (error) =>
      this.#with.logger.warn("an old job stays", errorFields(error)),
    );
  }

  /** Stops between two steps; whoever resumes goes on from there. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#waiting.values()) cancel();
    await Promise.all(this.#running.values());
  }

  async #resume(stored: StoredJob): Promise<void> {
    const { job } = stored;
    if (isOver(job) || this.#closed || this.#running.has(job.id)) return;
    if (!this.#kinds.has(job.kind)) {
      this.#with.logger.warn("a job of an unknown kind is left to a version that knows it", { id: job.id });
      return;
    }
    if (job.waitsUntilMs !== null && job.waitsUntilMs > this.#with.clock.now()) {
      this.#wait(job);
      return;
    }
    const taken = await this.#store.takeOver(stored);
    if (taken !== undefined) this.#run(taken);
  }

  /** Looks at the job again when its time has come, as long as this process is there. */
  #wait({ tenant, id, waitsUntilMs }: Job): void {
    const { clock, logger } = this.#with;
    if (this.#closed || this.#waiting.has(id)) return;
    const ms = Math.min(longestWaitMs, Math.max(0, (waitsUntilMs ?? 0) - clock.now()) + 1);
    const cancel = clock.schedule(ms, () => {
      this.#waiting.delete(id);
      this.#store
        .read(tenant as TenantName, id)
        .then((stored) => this.#resume(stored))
        .catch((error: unknown) => logger.warn("could not go on with a job", { id, ...errorFields(error) }));
    });
    this.#waiting.set(id, cancel);
  }

  #run(stored: StoredJob): void {
    const { id, kind, tenant, collection } = stored.job;
    const work = this.#work(stored).finally(() => {
      this.#running.delete(id);
      this.#names.delete(id);
    });
    this.#running.set(id, work);
    this.#names.set(id, `${kind} ${tenant}/${collection}`);
  }

  async #work(start: StoredJob): Promise<void> {
    let stored = start;
    const { clock, logger } = this.#with;
    const write = async (change: Change): Promise<void> => {
      // A job that was over before it woke up again stays as it is.
      stored = await this.#store.update(stored, (job) => (isOver(job) ? undefined : change(job)));
    };
    const stop = heartbeat(clock, aliveMs / 3, () => write(() => ({ aliveUntilMs: clock.now() + aliveMs })));
    try {
      const result = await this.#kindOf(start.job).run({
        job: start.job,
        input: start.job.input,
        state: start.job.state,
        collection: () => this.#with.open(scopeOf(start.job.tenant, start.job.collection)),
        check: () => this.#check(stored.job),
        save: async (state, done, total) => {
          await write(({ progress }) => ({
            state,
            progress: { ...progress, done, total },
            aliveUntilMs: clock.now() + aliveMs,
          }));
          this.#check(stored.job);
        },
      });
      await write(({ progress }) => ({ ...over("done"), result, progress: { ...progress, done: progress.total } }));
    } catch (error) {
      await this.#ended(error, write).catch((cause: unknown) =>
        logger.error("could not write the job", errorFields(cause)),
      );
    } finally {
      stop();
    }
    if (isOver(stored.job) && this.#kindOf(start.job).isPassing === true) await this.#forget(stored);
    if (!isOver(stored.job) && stored.job.waitsUntilMs !== null) this.#wait(stored.job);
  }

  async #forget(stored: StoredJob): Promise<void> {
    await this.#store
      .remove(stored)
      .catch((error: unknown) => this.#with.logger.warn("a finished job stays", errorFields(error)));
  }

  async #ended(error: unknown, write: (change: Change) => Promise<void>): Promise<void> {
    if (error instanceof PutAside) {
      const aside = { waitsUntilMs: error.untilMs, aliveUntilMs: 0 };
      await write(({ cancelRequested }) => (cancelRequested ? over("cancelled") : aside));
    } else if (error instanceof Interrupted) {
      await write(() => (error.cancelled ? over("cancelled") : { aliveUntilMs: 0 }));
    } else {
      const { code, detail } = asMosaicError(error, "run job");
      this.#with.logger.error("job failed", errorFields(error));
      await write(() => ({ status: "failed", waitsUntilMs: null, error: { code, detail } }));
    }
  }

  #check(job: Job): void {
    if (job.cancelRequested) throw new Interrupted(true);
    if (this.#closed || isOver(job)) throw new Interrupted(false);
  }

  #kindOf({ kind }: Job): AnyKind {
    const found = this.#kinds.get(kind);
    if (found === undefined) throw new MosaicError("internal", "run job", { hint: `no kind ${kind}` });
    return found;
  }
}

const over = (status: "done" | "cancelled"): Partial<Job> => ({ status, state: null, waitsUntilMs: null });
