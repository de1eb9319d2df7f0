import { type Clock, errorFields, type Logger } from "../base/index.ts";
import type { CollectionLog } from "./collection-log.ts";
import type { Fold, FoldOutcome } from "./fold.ts";

export interface FoldScheduleOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A fold begins at once when the tail has this many segments or bytes, and otherwise after this time of rest (0: never). */
  readonly segments: number;
  readonly bytes: number;
  readonly idleMs: number;
  /** Told of every fold that changed the shards. */
  readonly onFolded: () => void;
}

/** A fold that failed is tried again after this at the latest. */
const mostPauseMs = 60_000;

/** Decides when a collection is folded, and sees to it that one process folds it once at a time. */
export class FoldSchedule {
  readonly #log: CollectionLog;
  readonly #fold: Fold;
  readonly #options: FoldScheduleOptions;
  #running: Promise<FoldOutcome> | undefined;
  #cancelIdle: (() => void) | undefined;
  #failures = 0;
  #failedAtMs = 0;
  #closed = false;

  constructor(log: CollectionLog, fold: Fold, options: FoldScheduleOptions) {
    this.#log = log;
    this.#fold = fold;
    this.#options = options;
  }

  /** Told of every write and every look at the tail. */
  noticeTail(): void {
    if (this.#closed || this.#running !== undefined || this.#log.tail.segments === 0) return;
    const { segments, bytes, idleMs } = this.#options;
    const due = this.#log.tail.segments >= segments || this.#log.tail.bytes >= bytes;
    if (due && this.#mayTry()) this.#start();
    else if (idleMs > 0)
      this.#wait(this.#failures === 0 ? idleMs : Math.min(idleMs * 2 ** this.#failures, mostPauseMs));
  }

  #mayTry(): boolean {
    return this.#failures === 0 || this.#options.clock.monotonicMs() - this.#failedAtMs >= mostPauseMs;
  }

  /** Folds until everything that was acknowledged before the call is in shards. */
  async foldAll(): Promise<void> {
    await this.#running?.catch(() => undefined); // its failure was logged; this call makes its own attempt
    while ((await this.#run()) !== "nothing");
  }

  /** Resolves when no fold is running. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined); // logged where it began
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelIdle?.();
    await this.#running?.catch(() => undefined); // logged where it ran
  }

  #start(): void {
    this.#run().then(
      () => this.noticeTail(),
      (error: unknown) => {
        if (this.#closed) return;
        this.#options.logger.error("fold failed; it will be tried again", {
          ...this.#log.scope,
          ...errorFields(error),
        });
        this.noticeTail();
      },
    );
  }

  /** One wait at a time: a steady trickle of writes must not put the fold off for ever. */
  #wait(ms: number): void {
    this.#cancelIdle ??= this.#options.clock.schedule(ms, () => {
      this.#cancelIdle = undefined;
      if (!this.#closed && this.#running === undefined) this.#start();
    });
  }

  async #run(): Promise<FoldOutcome> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined); // the other caller is told
    this.#running = this.#fold.run();
    try {
      const outcome = await this.#running;
      this.#failures = 0;
      if (outcome === "folded") this.#options.onFolded();
      return outcome;
    } catch (error) {
      this.#failures++;
      this.#failedAtMs = this.#options.clock.monotonicMs();
      throw error;
    } finally {
      this.#running = undefined;
    }
  }
}
