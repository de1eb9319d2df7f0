import type { Worker } from "node:worker_threads";
import { MosaicError, systemClock } from "../../base/index.ts";
import type { EndRequest, SliceRequest, ThreadReply } from "./messages.ts";

/** Loading a model or embedding a text takes less; a thread that does not end by itself until then is ended. */
const endMs = 5000;

/** The thread is gone, and took its slice with it: nobody's fault but the thread's, so the slice may be tried again. */
export class ThreadDied extends Error {}

/** The near end of one embedding thread. It keeps the process alive only while it loads or embeds. */
export class EmbeddingThread {
  /** Length of the model's vectors, once it is loaded. */
  readonly ready: Promise<number>;
  readonly #loading = Promise.withResolvers<number>();
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<void>();
  #running: PromiseWithResolvers<readonly Float32Array[]> | undefined;
  #failure: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.ready = this.#loading.promise;
    this.ready.catch(() => {}); // told to whoever runs a slice or warms up; nobody need do either
    worker.on("message", (reply: ThreadReply) => this.#hear(reply));
    worker.on("error", (error) =>
      this.#die(new ThreadDied(`embedding thread failed: ${error.message}`, { cause: error })),
    );
    worker.on("exit", () => {
      this.#ended.resolve();
      this.#die(new ThreadDied("embedding thread ended"));
    });
  }

  get idle(): boolean {
    return this.#running === undefined && this.#failure === undefined;
  }

  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** One slice at a time. Rejects with ThreadDied, or with `unavailable` when the model can't be had or can't answer. */
  run(texts: readonly string[]): Promise<readonly Float32Array[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#running = Promise.withResolvers();
    this.#worker.ref();
    this.#worker.postMessage({ texts } satisfies SliceRequest);
    return this.#running.promise;
  }

  /** The thread ends itself: ended from outside while the model runs, ONNX takes the whole process with it. */
  async close(): Promise<void> {
    const waiting = new AbortController();
    this.#worker.postMessage({ end: true } satisfies EndRequest);
    await Promise.race([this.#ended.promise, systemClock.sleep(endMs, waiting.signal).catch(() => undefined)]);
    waiting.abort();
    await this.#worker.terminate();
  }

  #hear(reply: ThreadReply): void {
    switch (reply.kind) {
      case "ready":
        this.#loading.resolve(reply.dimensions);
        if (this.#running === undefined) this.#worker.unref();
        break;
      case "vectors":
        this.#release()?.resolve(reply.vectors);
        break;
      case "failed":
        this.#release()?.reject(notEmbedded(reply.message));
        break;
      case "not_loaded":
        this.#die(notLoaded(reply.message));
    }
  }

  #release(): PromiseWithResolvers<readonly Float32Array[]> | undefined {
    const running = this.#running;
    this.#running = undefined;
    this.#worker.unref();
    return running;
  }

  #die(failure: Error): void {
    this.#failure ??= failure;
    this.#loading.reject(this.#failure);
    this.#release()?.reject(this.#failure);
  }
}

function notLoaded(message: string): MosaicError {
  return new MosaicError("unavailable", "load embedding model", {
    code: "embedding_model_unavailable",
    detail: "The embedding model can't be loaded; the server's log says why.",
    hint: message,
  });
}

function notEmbedded(message: string): MosaicError {
  return new MosaicError("unavailable", "embed text", {
    code: "embedding_failed",
    detail: "The embedding model could not embed the text; the server's log says why.",
    hint: message,
  });
}
