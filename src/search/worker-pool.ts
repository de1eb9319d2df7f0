import { LRUCache } from "lru-cache";
import { type Clock, type Logger, MosaicError, WorkerClient, workerUrl } from "../base/index.ts";
import { type FileKeeper, type FileNotice, HeldFiles } from "./held-files.ts";
import type { LeafReply, LeafRequest } from "./leaf-request.ts";
import type { LeafRunner } from "./leaves.ts";
import type { LeafLimits } from "./make-leaf.ts";
import type { LocalPaths } from "./open-shards.ts";
import type { LeafJob } from "./search-worker.ts";

type SearchThread = WorkerClient<LeafJob, LeafReply, string, FileNotice>;

export interface PoolOptions extends LeafLimits {
  readonly threads: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keeper: FileKeeper;
}

/**
 * Search threads. A shard keeps its thread, so that its codes are resident once; a thread that has much more to do
 * than another passes requests on. A thread that runs long past its caller's deadline is replaced.
 */
export class WorkerPool implements LeafRunner {
  readonly #threads: readonly SearchThread[];
  readonly #files = new Map<SearchThread, HeldFiles>();
  readonly #home: LRUCache<string, Home>;
  readonly #rows: number[];
  readonly #clock: Clock;

  constructor({ threads, clock, logger, keeper, ...data }: PoolOptions) {
    const each = {
      ...data,
      codesMaxBytes: Math.floor(data.codesMaxBytes / threads),
      mmapMaxBytes: Math.floor(data.mmapMaxBytes / threads),
      postingsMaxBytes: Math.max(1, Math.floor(data.postingsMaxBytes / threads)),
    };
    const entry = workerUrl(import.meta.url, "search-worker");
    this.#threads = Array.from({ length: threads }, () => {
      const files = new HeldFiles(keeper, (path) => thread.tell(path));
      const died = (cause: unknown): void => {
        files.releaseAll();
        logger.error("search thread died", { cause: String(cause) });
      };
      const thread: SearchThread = new WorkerClient(entry, each, died, (notice) => files.note(notice));
      this.#files.set(thread, files);
      return thread;
    });
    this.#rows = Array.from({ length: threads }, () => 0);
    this.#home = new LRUCache({ max: rememberedShards, dispose: ({ thread, rows }) => this.#addRows(thread, -rows) });
    this.#clock = clock;
  }

  /** Starts the threads ahead of the first query. */
  warm(): void {
    for (const thread of this.#threads) thread.start();
  }

  /** The thread that has, or will have, this shard's codes: new shards go where the fewest rows are. */
  threadOf(shardKey: string, rows: number): number {
    const known = this.#home.get(shardKey);
    if (known !== undefined) return known.thread;
    const thread = this.#rows.indexOf(Math.min(...this.#rows));
    this.#home.set(shardKey, { thread, rows });
    this.#addRows(thread, rows);
    return thread;
  }

  async ask(thread: number, request: LeafRequest, paths: LocalPaths, timeoutMs: number): Promise<LeafReply> {
    const chosen = this.#lessBusy(thread);
    const late = new MosaicError("timeout", "search shards", {
      code: "shard_timeout",
      detail: `The shards did not answer within ${timeoutMs} ms.`,
    });
    const { id, answer } = chosen.ask({ request, paths });
    return await new Promise<LeafReply>((resolve, reject) => {
      const cancel = this.#clock.schedule(timeoutMs, () => {
        reject(late);
        this.#replaceIfStuck(chosen, id);
      });
      answer.then(resolve, reject).finally(cancel);
    });
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#threads.map(async (thread) => {
        await thread.stop("The engine is closing.");
        this.#files.get(thread)?.releaseAll();
      }),
    );
  }

  async #replace(thread: SearchThread): Promise<void> {
    this.#files.get(thread)?.releaseAll();
    await thread.kill("The search thread was stuck and is replaced; try again.");
  }

  #addRows(thread: number, rows: number): void {
    this.#rows[thread] = (this.#rows[thread] ?? 0) + rows;
  }

  #lessBusy(home: number): SearchThread {
    const first = this.#threads[home % this.#threads.length] as SearchThread;
    const idlest = this.#threads.reduce((best, thread) => (thread.owed < best.owed ? thread : best), first);
    return first.owed > idlest.owed + 1 ? idlest : first;
  }

  #replaceIfStuck(thread: SearchThread, id: number): void {
    this.#clock.schedule(patienceMs, () => {
      if (thread.owes(id)) void this.#replace(thread);
    });
  }
}

interface Home {
  readonly thread: number;
  readonly rows: number;
}

/** Shards whose thread is remembered; those that are no longer asked for drop out. */
const rememberedShards = 10_000;

/** A thread that still owes an answer this long after its caller gave up is taken to be stuck. */
const patienceMs = 10_000;
