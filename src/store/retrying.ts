import { type Clock, isMosaicError, type Random } from "../base/index.ts";
import type {
  CopyOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
  RestoreOptions,
} from "./object-store.ts";

export interface RetryPolicy {
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 5, firstDelayMs: 50, maxDelayMs: 2000 };

/** Refusals that certainly changed nothing, so that even a conditional put may be sent again. */
const refused: ReadonlySet<string> = new Set(["conditional_conflict", "storage_busy", "storage_clock"]);
/** A second attempt would meet the same; the operator has to act. */
const lasting: ReadonlySet<string> = new Set([
  "storage_full",
  "storage_read_only",
  "storage_denied",
  "restore_required",
  "bucket_not_found",
]);

interface Attempt {
  /** A repetition would not be harmless: only what was refused is sent again. */
  readonly conditional?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Does a task, and perhaps again when it fails as `unavailable`. */
export type Again = <T>(task: () => Promise<T>, options?: Attempt) => Promise<T>;

/** No second attempt. */
export const once: Again = (task) => task();

/** As `Retrying` does, for single requests of an operation that has many. */
export function repeating(clock: Clock, random: Random, policy: RetryPolicy = defaultRetryPolicy): Again {
  return async (task, options = {}) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await task();
      } catch (error) {
        await waitOrThrow(error, attempt, options, { clock, random, policy });
      }
    }
  };
}

interface Waiting {
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: RetryPolicy;
}

async function waitOrThrow(
  error: unknown,
  attempt: number,
  { conditional = false, signal }: Attempt,
  { clock, random, policy: { attempts, firstDelayMs, maxDelayMs } }: Waiting,
): Promise<void> {
  const again =
    isMosaicError(error, "unavailable") && !lasting.has(error.code) && (!conditional || refused.has(error.code));
  if (!again || attempt >= attempts || signal?.aborted) throw error;
  const ceilingMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
  await clock.sleep(random.next() * ceilingMs, signal);
}

/**
 * Sends again what failed as `unavailable`, with exponential backoff and full jitter. A conditional put is sent again
 * only when it was refused: after a lost answer it may have happened, and only its caller can tell.
 */
export class Retrying implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #waiting: Waiting;
  readonly #run: Again;

  constructor(store: ObjectStore, clock: Clock, random: Random, policy: RetryPolicy = defaultRetryPolicy) {
    this.#store = store;
    this.#waiting = { clock, random, policy };
    this.#run = repeating(clock, random, policy);
  }

  get description(): string {
    return this.#store.description;
  }
  get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return this.#run(() => this.#store.get(key, options), { signal: options.signal });
  }
  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#run(() => this.#store.head(key));
  }
  put(key: string, body: PutBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    const conditional = options.ifMatch !== undefined || options.ifNoneMatch !== undefined;
    return this.#run(() => this.#store.put(key, body, options), { conditional });
  }
  delete(key: string, options?: DeleteOptions): Promise<void> {
    return this.#run(() => this.#store.delete(key, options));
  }
  copy(from: string, to: string, options: CopyOptions = {}): Promise<{ readonly etag: string }> {
    return this.#run(() => this.#store.copy(from, to, options));
  }
  restore(key: string, options: RestoreOptions): Promise<void> {
    return this.#run(() => this.#store.restore(key, options));
  }
  mustBeRestored(storageClass: string): boolean {
    return this.#store.mustBeRestored(storageClass);
  }
  download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.#run(() => this.#store.download(key, path, signal), { signal });
  }

  /** Goes on after the last key that was given out. */
  async *list(
    prefix: string,
    { startAfter, limit = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncIterable<ObjectInfo> {
    let last = startAfter;
    let left = limit;
    for (let attempt = 1; ; attempt++) {
      try {
        const rest = {
          ...(last === undefined ? {} : { startAfter: last }),
          ...(Number.isFinite(left) ? { limit: left } : {}),
        };
        for await (const info of this.#store.list(prefix, rest)) {
          yield info;
          last = info.key;
          left--;
          attempt = 1;
        }
        return;
      } catch (error) {
        await waitOrThrow(error, attempt, {}, this.#waiting);
      }
    }
  }

  localPath(key: string): string | undefined {
    return this.#store.localPath(key);
  }
  close(): Promise<void> {
    return this.#store.close();
  }
}
