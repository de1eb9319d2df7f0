import { Worker } from "node:worker_threads";
import { workerUrl } from "../../base/index.ts";
import type { Embedder } from "../embedder.ts";
import type { ModelSpec } from "../model-spec.ts";
import { EmbeddingPool } from "./embedding-pool.ts";

/**
 * Far more than the 256 or 512 tokens that are read (a token of ordinary text has about 4 characters), and little
 * enough that tokenizing a text of a megabyte does not take a second.
 */
const maxCharacters = 16_384;

interface Options {
  readonly threads: number;
  /** Known without loading the model. */
  readonly dimensions?: number;
  /** How a thread is started; tests replace it to hold the thread and end it. */
  readonly spawn?: (spec: ModelSpec) => Worker;
}

/** Without the process's own flags: `node --input-type=module -e …`, for one, would keep a thread from starting. */
const startWorker = (spec: ModelSpec): Worker =>
  new Worker(workerUrl(import.meta.url, "embedding-worker"), { workerData: spec, name: "embedding", execArgv: [] });

/** An embedder that runs a model of its own, in threads of its own. */
export class ThreadedEmbedder implements Embedder {
  readonly model: string;
  readonly #pool: EmbeddingPool;
  #dimensions: number | undefined;

  constructor(model: string, spec: ModelSpec, { threads, dimensions, spawn = startWorker }: Options) {
    this.model = model;
    this.#dimensions = dimensions;
    this.#pool = new EmbeddingPool({ threads, spawn: () => spawn(spec) });
  }

  get dimensions(): number | undefined {
    return this.#dimensions;
  }

  async embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const vectors = await this.#pool.embed(
      texts.map((text) => text.slice(0, maxCharacters)),
      signal,
    );
    this.#dimensions ??= vectors[0]?.length;
    return vectors;
  }

  async warm(): Promise<void> {
    this.#dimensions = await this.#pool.warm();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
