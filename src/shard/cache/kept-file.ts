/** Keeps a local file where it is until it is released. Every holder has its own; releasing twice is harmless. */
export interface Pin extends Disposable {
  readonly path: string;
  /** Another one on the same file. */
  again(): Pin;
  release(): void;
}

/** A local file, and who needs it to stay: it may be removed while nobody does. */
export class KeptFile {
  readonly name: string;
  readonly path: string;
  /** What it takes of the disk. */
  bytes: number;
  /** By the wall clock, so that processes can compare. */
  usedMs: number;
  /** When its use was last noted on disk. */
  touchedMs = Number.NEGATIVE_INFINITY;
  #pins = 0;
  readonly #wishes = new Set<() => void>();
  readonly #onFree: (file: KeptFile) => void;

  constructor(
    facts: { readonly name: string; readonly path: string; readonly bytes: number; readonly usedMs: number },
    onFree: (file: KeptFile) => void,
  ) {
    this.name = facts.name;
    this.path = facts.path;
    this.bytes = facts.bytes;
    this.usedMs = facts.usedMs;
    this.#onFree = onFree;
  }

  get pinned(): boolean {
    return this.#pins > 0;
  }

  /** True while it is pinned only by those who would let go when asked. */
  get idle(): boolean {
    return this.pinned && this.#pins === this.#wishes.size;
  }

  pin(): Pin {
    return this.#pin(() => undefined);
  }

  /** A pin of somebody who keeps the file open in case it is needed again, and releases it soon after `letGo`. */
  hold(letGo: () => void): Pin {
    const wish = (): void => letGo(); // its own identity: the same function may hold twice
    this.#wishes.add(wish);
    return this.#pin(() => this.#wishes.delete(wish));
  }

  askBack(): void {
    for (const letGo of [...this.#wishes]) letGo();
  }

  #pin(onRelease: () => void): Pin {
    let released = false;
    this.#pins++;
    const release = (): void => {
      if (released) return;
      released = true;
      onRelease();
      this.#pins--;
      if (this.#pins === 0) this.#onFree(this);
    };
    return { path: this.path, again: () => this.pin(), release, [Symbol.dispose]: release };
  }
}
