import { timedOut } from "./language/errors.ts";
import type { Job, JobOf, Replies } from "./process/messages.ts";
import type { Done, SqlPool } from "./process/pool.ts";

/** The jobs of one statement. What they take comes off its time; waiting for a process does not. */
export class TimedJobs {
  readonly #pool: SqlPool;
  readonly #timeoutMs: number;
  #spentMs = 0;

  constructor(pool: SqlPool, timeoutMs: number) {
    this.#pool = pool;
    this.#timeoutMs = timeoutMs;
  }

  get spentMs(): number {
    return this.#spentMs;
  }

  async ask<Kind extends Job["kind"]>(job: JobOf<Kind>): Promise<Replies[Kind]> {
    const [done] = await this.askAll([job]);
    return (done as Done<Kind>).reply;
  }

  /** Jobs side by side; all have ended, one way or the other, when this returns or throws. */
  async askAll<Kind extends Job["kind"]>(jobs: readonly JobOf<Kind>[]): Promise<readonly Done<Kind>[]> {
    const leftMs = this.#timeoutMs - this.#spentMs;
    if (leftMs <= 0) throw timedOut(this.#timeoutMs);
    const time = { leftMs, timeoutMs: this.#timeoutMs };
    const settled = await Promise.allSettled(jobs.map((job) => this.#pool.run(job, time)));
    const done = settled.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
    this.#spentMs += Math.max(...done.map(({ tookMs }) => tookMs));
    return done;
  }
}
