import { type Clock, onAskerGone, stillAsked } from "../../base/index.ts";
import { timedOut } from "../language/errors.ts";
import type { Job, JobOf, Replies } from "./messages.ts";
import { closing, SqlProcess } from "./sql-process.ts";
import type { ProcessData } from "./sql-worker.ts";

export interface PoolOptions extends ProcessData {
  /** Processes kept ready. */
  readonly spares: number;
  /** Most processes at once; jobs beyond wait for one. */
  readonly max: number;
  readonly clock: Clock;
}

export interface TimeLeft {
  readonly leftMs: number;
  readonly timeoutMs: number;
}

export interface Done<Kind extends Job["kind"]> {
  readonly reply: Replies[Kind];
  readonly tookMs: number;
}

interface Turn {
  readonly take: (process: SqlProcess) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Processes that run users' SQL, one job each at a time. A job that passes its deadline ends with its process; another
 * takes its place. Waiting for a turn costs nothing of the deadline, so a crowd of slow queries makes others slower, and
 * fails none.
 */
export class SqlPool {
  readonly #options: PoolOptions;
  readonly #all = new Set<SqlProcess>();
  readonly #idle: SqlProcess[] = [];
  readonly #queue: Turn[] = [];
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts the spare processes ahead of the first query. */
  warm(): void {
    while (!this.#closed && this.#all.size < this.#options.spares) this.#idle.push(this.#start());
  }

  /** Processes that could take a job at once. */
  get free(): number {
    return this.#idle.length + this.#options.max - this.#all.size;
  }

  /**
   * Runs a job for at most `leftMs`, not counting the wait for a process; `timeoutMs` is what the error speaks of. When
   * whoever asked goes away the job leaves the queue, or ends with its process.
   */
  async run<Kind extends Job["kind"]>(job: JobOf<Kind>, { leftMs, timeoutMs }: TimeLeft): Promise<Done<Kind>> {
    const { clock } = this.#options;
    stillAsked();
    const process = await this.#turn();
    let cancel = (): void => undefined;
    const unwatch = onAskerGone((error) => process.kill(error));
    try {
      await process.ready;
      stillAsked();
      const startedMs = clock.monotonicMs();
      cancel = clock.schedule(leftMs, () => process.kill(timedOut(timeoutMs)));
      const reply = await process.ask(job);
      return { reply, tookMs: clock.monotonicMs() - startedMs };
    } finally {
      unwatch();
      cancel();
      this.#release(process);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#queue.splice(0)) reject(closing());
    for (const process of this.#all) process.kill(closing());
  }

  #turn(): Promise<SqlProcess> {
    if (this.#closed) return Promise.reject(closing());
    const ready = this.#idle.pop();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#all.size < this.#options.max) return Promise.resolve(this.#start());
    return new Promise((take, reject) => {
      const unwatch = onAskerGone((error) => {
        this.#queue.splice(this.#queue.indexOf(turn), 1);
        reject(error);
      });
      const turn: Turn = {
        take: (process) => {
          unwatch();
          take(process);
        },
        reject: (error) => {
          unwatch();
          reject(error);
        },
      };
      this.#queue.push(turn);
    });
  }

  #release(process: SqlProcess): void {
    if (!this.#all.has(process) || process.gone || process.killed) return;
    const next = this.#queue.shift();
    if (next === undefined) this.#idle.push(process);
    else next.take(process);
  }

  #start(): SqlProcess {
    const process = new SqlProcess(this.#options, (gone) => this.#replace(gone));
    this.#all.add(process);
    return process;
  }

  #replace(gone: SqlProcess): void {
    this.#all.delete(gone);
    const at = this.#idle.indexOf(gone);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#closed) return;
    const next = this.#queue.shift();
    if (next !== undefined) next.take(this.#start());
    else if (this.#all.size < this.#options.spares) this.#idle.push(this.#start());
  }
}
