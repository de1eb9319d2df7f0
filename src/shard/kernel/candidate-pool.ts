import type { KernelMemory, Pointer } from "./memory.ts";

interface Pool {
  readonly values: Pointer;
  readonly extras: Pointer;
  readonly refs: Pointer;
  readonly capacity: number;
}

/** The rows that a query has kept so far, in the kernel's memory: the scan adds to them and prunes them. */
export class CandidatePool {
  readonly #memory: KernelMemory;
  #pool: Pool | undefined;
  #wanted = 0;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  begin(wanted: number, capacity: number): void {
    if (this.#pool === undefined || this.#pool.capacity < capacity) this.#pool = this.#allocate(capacity);
    const { values, extras, refs } = this.#pool;
    this.#wanted = Math.max(1, wanted);
    this.#memory.exports.poolBegin(values, extras, refs, this.#pool.capacity, this.#wanted);
  }

  /** By estimate, at most as many as wanted, in descending order. */
  best(): { readonly refs: Uint32Array; readonly estimates: Float32Array } {
    const { exports } = this.#memory;
    exports.prune();
    const { values, refs } = this.#pool as Pool;
    const count = exports.poolSize();
    const estimates = this.#memory.floats(values, count);
    const references = this.#memory.words(refs, count);
    const order = Uint32Array.from({ length: count }, (_, at) => at).sort(
      (x, y) => (estimates[y] as number) - (estimates[x] as number),
    );
    return {
      refs: Uint32Array.from(order, (at) => references[at] as number),
      estimates: Float32Array.from(order, (at) => estimates[at] as number),
    };
  }

  /** References of the rows whose upper bound reaches the k-th best lower bound. */
  withinBounds(): Uint32Array {
    this.#memory.exports.pruneByBounds();
    return this.#memory.words((this.#pool as Pool).refs, this.#memory.exports.poolSize()).slice();
  }

  /** Room for `rows` more exact candidates: by pruning, and where too many are within bounds by a larger pool. */
  makeRoom(rows: number): void {
    const { exports } = this.#memory;
    const old = this.#pool as Pool;
    if (exports.poolSize() + rows <= old.capacity) return;
    exports.pruneByBounds();
    const count = exports.poolSize();
    if (count + rows <= old.capacity / 2) return;
    const copies = [old.values, old.extras, old.refs].map((pointer) => this.#memory.words(pointer, count).slice());
    const threshold = exports.threshold();
    this.#pool = this.#allocate(2 * old.capacity + rows);
    const { values, extras, refs, capacity } = this.#pool;
    [values, extras, refs].forEach((pointer, at) => this.#memory.words(pointer, count).set(copies[at] as Uint32Array));
    exports.poolResume(values, extras, refs, capacity, this.#wanted, count, threshold);
  }

  #allocate(capacity: number): Pool {
    const old = this.#pool;
    for (const pointer of old === undefined ? [] : [old.values, old.extras, old.refs]) this.#memory.free(pointer);
    const allocate = (): Pointer => this.#memory.allocate(capacity * 4);
    return { values: allocate(), extras: allocate(), refs: allocate(), capacity };
  }
}
