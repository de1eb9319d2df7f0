import type { Clock } from "../../base/index.ts";
import type { Embedder } from "../embedder.ts";
import { type Endpoint, postWithRetry } from "./endpoint.ts";
import { vectorsOf } from "./reply.ts";

const maxBatch = 64;
/** About 6,000 tokens of English; the usual limit of such models is 8,192. */
const maxCharacters = 24_000;

/** Endpoints refuse an empty text; a blank one means the same. */
const prepared = (text: string): string => (text === "" ? " " : text.slice(0, maxCharacters));

/** Vectors from any endpoint that speaks OpenAI's `POST /embeddings`. */
export class OpenAiEmbedder implements Embedder {
  readonly model: string;
  readonly #name: string;
  readonly #endpoint: Endpoint;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #dimensions: number | undefined;

  constructor(name: string, { url, apiKey }: { url: string; apiKey: string | undefined }, clock: Clock) {
    this.model = `openai:${name}`;
    this.#name = name;
    const base = url.replace(/\/+$/, "");
    this.#endpoint = { url: base.endsWith("/embeddings") ? base : `${base}/embeddings`, apiKey };
    this.#clock = clock;
  }

  get dimensions(): number | undefined {
    return this.#dimensions;
  }

  async embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    const vectors: Float32Array[] = [];
    for (let at = 0; at < texts.length; at += maxBatch) {
      const input = texts.slice(at, at + maxBatch).map(prepared);
      const reply = await postWithRetry(this.#endpoint, { model: this.#name, input }, this.#clock, stop);
      vectors.push(...vectorsOf(reply, input.length, this.#dimensions));
      this.#dimensions ??= vectors[0]?.length;
    }
    return vectors;
  }

  /** Nothing to load. */
  warm(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closing.abort(new DOMException("the embedder has been closed", "AbortError"));
    return Promise.resolve();
  }
}
