/** Turns texts into vectors. The same text gives the same vector, whatever else is asked for at the same time. */
export interface Embedder {
  /** What a collection remembers: `local/all-MiniLM-L6-v2`, `transformers:…`, `openai:…`; undefined for `none`. */
  readonly model: string | undefined;
  /** Length of its vectors; undefined when not known before the first call (openai) or for `none`. */
  readonly dimensions: number | undefined;
  /**
   * Float32 vectors of unit length, in the order of `texts`. Never blocks the calling thread.
   * Throws `invalid` (code `embedding_required`) for `none`, `unavailable` when the model or endpoint can't answer.
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
  /** Loads the model ahead of the first call. */
  warm(): Promise<void>;
  close(): Promise<void>;
}
