import { KernelMemory, type Pointer } from "./memory.ts";

/** Fewer than this are multiplied here: a WebAssembly memory of its own costs more than it saves. */
const residentRows = 128;

/** Row vectors that stay in memory, to be multiplied with many queries. Freed with the object. */
export class VectorMatrix {
  readonly rows: number;
  readonly #vectors: Float32Array;
  readonly #dimensions: number;
  readonly #resident: Resident | undefined;

  /** `vectors`: rows × dimensions. */
  constructor(vectors: Float32Array, dimensions: number) {
    this.#dimensions = dimensions;
    this.rows = dimensions === 0 ? 0 : vectors.length / dimensions;
    this.#resident = this.rows < residentRows ? undefined : makeResident(vectors, dimensions, this.rows);
    this.#vectors = this.#resident === undefined ? vectors : new Float32Array(0);
  }

  /** The inner product of each row with `query`. */
  dots(query: Float32Array): Float32Array {
    if (this.#resident === undefined) {
      return Float32Array.from({ length: this.rows }, (_, row) => this.#dotAt(query, row * this.#dimensions));
    }
    const { memory, vectors, queryAt, out } = this.#resident;
    memory.floats(queryAt, query.length).set(query);
    memory.exports.dots(queryAt, vectors, this.#dimensions, this.rows, out);
    return memory.floats(out, this.rows).slice();
  }

  #dotAt(query: Float32Array, offset: number): number {
    let sum = 0;
    for (let i = 0; i < query.length; i++) sum += (query[i] as number) * (this.#vectors[offset + i] as number);
    return sum;
  }
}

interface Resident {
  readonly memory: KernelMemory;
  readonly vectors: Pointer;
  readonly queryAt: Pointer;
  readonly out: Pointer;
}

function makeResident(vectors: Float32Array, dimensions: number, rows: number): Resident {
  const memory = new KernelMemory(Number.POSITIVE_INFINITY);
  const at = memory.allocate(vectors.byteLength);
  const queryAt = memory.allocate(dimensions * 4);
  const out = memory.allocate(rows * 4);
  memory.floats(at, vectors.length).set(vectors);
  return { memory, vectors: at, queryAt, out };
}
