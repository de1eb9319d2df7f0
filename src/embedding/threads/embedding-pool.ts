import type { Worker } from "node:worker_threads";
import { MosaicError } from "../../base/index.ts";
import { EmbedCall } from "./embed-call.ts";
import { EmbeddingThread, ThreadDied } from "./embedding-thread.ts";
import { type Slice, SliceQueue } from "./slice-queue.ts";

export interface PoolOptions {
  /** At most this many threads, started as work comes. */
  readonly threads: number;
  readonly spawn: () => Worker;
}

/** A few threads with the same model, fed slice by slice, so that a large call delays a small one by a slice at most. */
export class EmbeddingPool {
  readonly #options: PoolOptions;
  readonly #queue = new SliceQueue();
  #threads: EmbeddingThread[] = [];
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Aborting rejects at once and stops what no thread has begun. */
  async embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    if (texts.length === 0) return [];
    const call = new EmbedCall(texts);
    const onAbort = (): void => call.fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#queue.add(call);
    this.#feed();
    return call.vectors.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  /** Starts every thread and waits until all have loaded the model; answers the length of its vectors. */
  async warm(): Promise<number> {
    if (this.#closed) throw closed();
    this.#bury();
    while (this.#threads.length < this.#options.threads) this.#start();
    const [dimensions = 0] = await Promise.all(this.#threads.map(({ ready }) => ready));
    return dimensions;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#queue.drain()) call.fail(closed());
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }

  #feed(): void {
    for (let thread = this.#free(); thread !== undefined; thread = this.#free()) {
      const slice = this.#queue.take();
      if (slice === undefined) return;
      void this.#run(thread ?? this.#start(), slice);
    }
  }

  /** A thread without work, a null where one may be started, or undefined when all are busy. */
  #free(): EmbeddingThread | null | undefined {
    this.#bury();
    const idle = this.#threads.find((thread) => thread.idle);
    return idle ?? (this.#threads.length < this.#options.threads ? null : undefined);
  }

  #start(): EmbeddingThread {
    const thread = new EmbeddingThread(this.#options.spawn());
    this.#threads.push(thread);
    return thread;
  }

  #bury(): void {
    this.#threads = this.#threads.filter((thread) => thread.alive);
  }

  async #run(thread: EmbeddingThread, slice: Slice): Promise<void> {
    try {
      slice.call.fill(slice.from, await thread.run(slice.texts));
    } catch (error) {
      this.#onFailure(slice, error);
    }
    if (!this.#closed) this.#feed();
  }

  /** A slice that loses its thread gets one other: a text that kills every thread must not take them all. */
  #onFailure(slice: Slice, error: unknown): void {
    if (!(error instanceof ThreadDied)) slice.call.fail(error);
    else if (this.#closed) slice.call.fail(closed());
    else if (slice.deaths === 0) this.#queue.putBack(slice);
    else slice.call.fail(diedTwice(error));
  }
}

function diedTwice(cause: ThreadDied): MosaicError {
  return new MosaicError("unavailable", "embed text", {
    code: "embedding_failed",
    detail: "The embedding thread ended twice over the same texts.",
    hint: `${cause.message}; is there enough memory for EMBEDDING_THREADS?`,
    cause,
  });
}

function closed(): MosaicError {
  return new MosaicError("unavailable", "embed text", { code: "closed", detail: "The embedder has been closed." });
}
