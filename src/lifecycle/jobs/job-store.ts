import {
  type Clock,
  formatTimestamp,
  isMosaicError,
  MosaicError,
  type Random,
  type Scope,
  type TenantName,
} from "../../base/index.ts";
import { isUnknownOutcome } from "../../manifest/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import { isOver, type Job, type JobProgress, type JobStatus } from "./job.ts";

export interface StoredJob {
  readonly job: Job;
  readonly etag: string;
}

interface Parts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

const prefix = "jobs/";
/** A running job whose process has not written for so long may be taken over. */
export const aliveMs = 60_000;
const tries = 20;

/** Jobs as objects `jobs/<tenant>/<id>.json`, replaced by compare-and-swap. */
export class JobStore {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async create(kind: string, scope: Scope, input: unknown, progress: JobProgress): Promise<StoredJob> {
    const { store, clock, random } = this.#parts;
    const now = formatTimestamp(clock.now());
    const job: Job = {
      format: 1,
      id: random.id(clock.now()),
      kind,
      tenant: scope.tenant,
      collection: scope.collection,
      status: "running",
      createdAt: now,
      updatedAt: now,
      aliveUntilMs: clock.now() + aliveMs,
      cancelRequested: false,
      waitsUntilMs: null,
      progress,
      result: null,
      error: null,
      input,
      state: null,
    };
    const { etag } = await store.put(keyOf(job.tenant, job.id), encode(job), { ifNoneMatch: "*" });
    return { job, etag };
  }

  /** Throws `not_found` (code `job_not_found`). */
  async read(tenant: TenantName, id: string): Promise<StoredJob> {
    const found = /^[0-9a-z]{1,64}$/.test(id) ? await this.#readKey(keyOf(tenant, id)) : undefined;
    if (found !== undefined) return found;
    throw new MosaicError("not_found", "read job", { code: "job_not_found", detail: "There is no job of this id." });
  }

  /** Writes `change` to the newest state of the job, until nobody came between; undefined changes nothing. */
  async update(start: StoredJob, change: (job: Job) => Partial<Job> | undefined): Promise<StoredJob> {
    const { store, clock, random } = this.#parts;
    let { job, etag } = start;
    for (let attempt = 0; attempt < tries; attempt++) {
      const changed = change(job);
      if (changed === undefined) return { job, etag };
      const next = { ...job, ...changed, updatedAt: formatTimestamp(clock.now()) };
      try {
        return { job: next, etag: (await store.put(keyOf(job.tenant, job.id), encode(next), { ifMatch: etag })).etag };
      } catch (error) {
        if (!isMosaicError(error, "conflict") && !isUnknownOutcome(error)) throw error;
      }
      await clock.sleep(random.next() * 50);
      ({ job, etag } = await this.read(job.tenant as TenantName, job.id));
    }
    throw new MosaicError("unavailable", "write job", { code: "write_contention", retryAfterMs: 1000 });
  }

  async remove({ job }: StoredJob): Promise<void> {
    await this.#parts.store.delete(keyOf(job.tenant, job.id));
  }

  /** Asks the job's process to end it; one that nobody runs any more ends at once. */
  async cancel(tenant: TenantName, id: string): Promise<StoredJob> {
    const stored = await this.read(tenant, id);
    if (isOver(stored.job)) return stored;
    return await this.update(stored, (job): Partial<Job> => {
      const abandoned = job.aliveUntilMs < this.#parts.clock.now();
      const status: JobStatus = !isOver(job) && abandoned ? "cancelled" : job.status;
      return { cancelRequested: true, status, waitsUntilMs: status === "running" ? job.waitsUntilMs : null };
    });
  }

  /** Takes over a running job that nobody keeps alive, and that waits for nothing; undefined otherwise. */
  async takeOver(stored: StoredJob): Promise<StoredJob | undefined> {
    const { store, clock } = this.#parts;
    const { aliveUntilMs, waitsUntilMs } = stored.job;
    if (isOver(stored.job) || aliveUntilMs >= clock.now() || (waitsUntilMs ?? 0) > clock.now()) return undefined;
    const next = { ...stored.job, aliveUntilMs: clock.now() + aliveMs, waitsUntilMs: null };
    try {
      const { etag } = await store.put(keyOf(next.tenant, next.id), encode(next), { ifMatch: stored.etag });
      return { job: next, etag };
    } catch (error) {
      if (isMosaicError(error, "conflict") || isUnknownOutcome(error)) return undefined;
      throw error;
    }
  }

  /** Every job of every tenant: for a server that starts. One that can't be read is told, and left out. */
  async *all(onDamaged: (error: unknown) => void): AsyncGenerator<StoredJob> {
    for await (const { key } of this.#parts.store.list(prefix)) {
      const stored = await this.#readKey(key).catch(onDamaged);
      if (stored !== undefined) yield stored;
    }
  }

  /**
   * Deletes jobs that are over, and that nobody has written to since `beforeMs`. Requests: 1 LIST for each 1000 jobs, and 1 GET
   * and 1 DELETE for each that is old enough. `complete` is false when `mayGoOn` ended it.
   */
  async forget(
    beforeMs: number,
    mayGoOn: () => boolean,
    onFault: (error: unknown) => void,
  ): Promise<{ readonly forgotten: number; readonly complete: boolean }> {
    let forgotten = 0;
    for await (const { key, modifiedMs } of this.#parts.store.list(prefix)) {
      if (!mayGoOn()) return { forgotten, complete: false };
      if (modifiedMs < beforeMs && (await this.#forgetIfOver(key, onFault))) forgotten++;
    }
    return { forgotten, complete: true };
  }

  async #forgetIfOver(key: string, onFault: (error: unknown) => void): Promise<boolean> {
    try {
      const stored = await this.#readKey(key);
      if (stored === undefined || !isOver(stored.job)) return false;
      await this.#parts.store.delete(key, { ifMatch: stored.etag });
      return true;
    } catch (error) {
      onFault(error);
      return false;
    }
  }

  async #readKey(key: string): Promise<StoredJob | undefined> {
    const got = await this.#parts.store.get(key);
    return got.status === "found" ? { job: decode(got.bytes, key), etag: got.info.etag } : undefined;
  }
}

const keyOf = (tenant: string, id: string): string => `${prefix}${tenant}/${id}.json`;
const encode = (job: Job): Uint8Array => Buffer.from(`${JSON.stringify(job, null, 1)}\n`);

function decode(bytes: Uint8Array, key: string): Job {
  try {
    const read = JSON.parse(Buffer.from(bytes).toString("utf8")) as Job;
    return { ...read, input: read.input ?? null, waitsUntilMs: read.waitsUntilMs ?? null };
  } catch (cause) {
    const detail = "The job can't be read. What it had finished stays; begin it again.";
    throw new MosaicError("data", "read job", { code: "job_damaged", detail, key, cause });
  }
}
