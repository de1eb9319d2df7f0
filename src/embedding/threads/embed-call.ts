/** One call of `embed`: its texts, the vectors that have come back, and the promise that it settles once. */
export class EmbedCall {
  readonly texts: readonly string[];
  readonly vectors: Promise<Float32Array[]>;
  readonly #found: Float32Array[] = [];
  readonly #settle: PromiseWithResolvers<Float32Array[]>;
  #missing: number;
  /** First text that no thread has been asked for. */
  next = 0;
  #settled = false;

  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.#missing = texts.length;
    this.#settle = Promise.withResolvers();
    this.vectors = this.#settle.promise;
  }

  /** Nothing more is to be asked of a thread for it: all texts are with one, or it has failed or was aborted. */
  get exhausted(): boolean {
    return this.#settled || this.next >= this.texts.length;
  }

  get settled(): boolean {
    return this.#settled;
  }

  fill(from: number, vectors: readonly Float32Array[]): void {
    for (const [offset, vector] of vectors.entries()) this.#found[from + offset] = vector;
    this.#missing -= vectors.length;
    if (this.#missing > 0) return;
    this.#settled = true;
    this.#settle.resolve(this.#found);
  }

  fail(error: unknown): void {
    this.#settled = true;
    this.#settle.reject(error);
  }
}
