import { type Clock, MosaicError } from "../base/index.ts";
import type { LeafFailure } from "./leaf-request.ts";

interface Sick {
  readonly failures: number;
  readonly sinceMs: number;
  readonly error: LeafFailure["error"];
}

/** After this many failures in a row a shard is only probed, once in `probeEveryMs`, and left out otherwise. */
const unhealthyAfter = 3;
const probeEveryMs = 5000;
/** Of the time that a shard has by the settings: when a query gave it less, that it was late says nothing of it. */
const fairShare = 0.5;

/** Remembers which shards keep failing, so that every query does not wait for them again. */
export class ShardHealth {
  readonly #sick = new Map<string, Sick>();
  readonly #clock: Clock;
  readonly #fairMs: number;

  /** `timeoutMs`: the time that shards have by the settings. */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#fairMs = timeoutMs * fairShare;
  }

  /** Throws for an unhealthy shard unless it is time to probe it. */
  refuse(shard: string): void {
    const sick = this.#sick.get(shard);
    if (sick === undefined || sick.failures < unhealthyAfter) return;
    if (this.#clock.monotonicMs() - sick.sinceMs >= probeEveryMs) {
      this.#sick.set(shard, { ...sick, sinceMs: this.#clock.monotonicMs() });
      return;
    }
    const { kind, operation, ...context } = sick.error;
    throw new MosaicError(kind, operation, context);
  }

  /** `timeoutMs`: the time that they had. */
  note(asked: readonly string[], failed: readonly LeafFailure[], timeoutMs: number): void {
    if (failed.length === 0 && this.#sick.size === 0) return;
    const errors = new Map(failed.map(({ shard, error }) => [shard, error]));
    for (const shard of asked) {
      const error = errors.get(shard);
      if (error?.kind === "timeout" && timeoutMs < this.#fairMs) continue;
      const before = this.#sick.get(shard);
      if (error === undefined) this.#sick.delete(shard);
      else if (before === undefined || before.failures < unhealthyAfter) {
        this.#sick.set(shard, { failures: (before?.failures ?? 0) + 1, sinceMs: this.#clock.monotonicMs(), error });
      }
    }
  }
}
