import { CandidatePool } from "./candidate-pool.ts";
import { fillTables, queryLevels, rowsPerBlock, transpose } from "./code-layout.ts";
import { KernelMemory, type Pointer } from "./memory.ts";
import { type Rotation, rotationOf } from "./rotation.ts";

/** A cell's codes in kernel memory, in blocks of 16 rows (see scanCodes), with two factors of each row: its scale, and that times its set bits. */
export interface ResidentCell {
  readonly codes: Pointer;
  readonly scales: Pointer;
  readonly offsets: Pointer;
  readonly rows: number;
  readonly codeBytes: number;
}

export type Metric = "cosine" | "l2" | "dot";

interface CodesQuery {
  readonly luts: Pointer;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

interface ExactQuery {
  readonly dimensions: number;
  readonly vector: Pointer;
  readonly scale: number;
  readonly norm: number;
  readonly error: number;
  readonly m: number;
  readonly n: number;
}

/**
 * One instance of the scan kernel with its own memory; not shared between threads. One query at a time: begin, scan any
 * number of cells, then ask for the best.
 */
export class Kernel {
  readonly #memory: KernelMemory;
  readonly #rotations = new Map<number, { readonly rotation: Rotation; readonly signs: Pointer }>();
  readonly #pool: CandidatePool;
  #residentBytes = 0;
  #scratch: { readonly pointer: Pointer; readonly bytes: number } | undefined;
  #codes: CodesQuery | undefined;
  #exact: ExactQuery | undefined;
  #lutPointer: { readonly pointer: Pointer; readonly bytes: number } | undefined;

  private constructor(maxBytes: number) {
    this.#memory = new KernelMemory(maxBytes);
    this.#pool = new CandidatePool(this.#memory);
  }

  /** Compiles once a process. `maxBytes` bounds what callers keep resident; they ask before they load. */
  static load({ maxBytes = 1 << 30 }: { readonly maxBytes?: number } = {}): Kernel {
    return new Kernel(maxBytes);
  }

  get maxBytes(): number {
    return this.#memory.maxBytes;
  }
  get residentBytes(): number {
    return this.#residentBytes;
  }

  /** `codes`: row-major, at least `rows` × code bytes. `scales`: `rows` × float32. */
  loadCell(codes: Uint8Array, scales: Uint8Array, rows: number, codeBytes: number): ResidentCell {
    const blocks = Math.ceil(rows / rowsPerBlock);
    const cell: ResidentCell = {
      codes: this.#memory.allocate(blocks * rowsPerBlock * codeBytes),
      scales: this.#memory.allocate(blocks * rowsPerBlock * 4),
      offsets: this.#memory.allocate(blocks * rowsPerBlock * 4),
      rows,
      codeBytes,
    };
    this.#residentBytes += cellBytes(cell);
    const own = this.#memory.floats(cell.scales, blocks * rowsPerBlock);
    own.set(new Float32Array(scales.slice(0, rows * 4).buffer));
    const offsets = this.#memory.floats(cell.offsets, blocks * rowsPerBlock);
    const target = this.#memory.bytes(cell.codes, blocks * rowsPerBlock * codeBytes);
    const ones = transpose(codes, target, rows, codeBytes);
    for (let row = 0; row < rows; row++) offsets[row] = (own[row] as number) * (ones[row] as number);
    return cell;
  }

  freeCell(cell: ResidentCell): void {
    this.#residentBytes -= cellBytes(cell);
    for (const pointer of [cell.codes, cell.scales, cell.offsets]) this.#memory.free(pointer);
  }

  /**
   * Begins a query over codes. The query is rotated and quantised to 4 bits, q'ᵢ ≈ low + step·uᵢ; then for a row with
   * code bits b, Σ bᵢ·q'ᵢ ≈ low·popcount(b) + step·Σ bᵢ·uᵢ, and Σ bᵢ·uᵢ is a sum of table values, two a byte
   * (André, Kermarrec and Le Scouarnec 2015; Gao and Long 2024).
   */
  beginCodes(query: Float32Array, dimensions: number, wanted: number): void {
    const rotated = this.rotate(query.slice(), dimensions, 1);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (const value of rotated) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    const step = (high - low) / queryLevels || 1;
    const codeBytes = Math.ceil(dimensions / 8);
    const luts = this.#luts(codeBytes * 32);
    fillTables(this.#memory.bytes(luts, codeBytes * 32), rotated, low, step);
    this.#codes = { luts, a: 2 * step, b: -sum, c: 2 * low };
    this.#pool.begin(wanted, Math.max(4 * wanted, 1024));
  }

  /** Offers a cell's rows: `centroidDot` is <q, c>; row i has the reference `firstRef` + i; `live` has a bit a row. */
  scanCell(cell: ResidentCell, centroidDot: number, firstRef: number, live?: Uint8Array): void {
    const { luts, a, b, c } = this.#codes as CodesQuery;
    const mask = this.#mask(live);
    const { codes, codeBytes, scales, offsets, rows } = cell;
    this.#memory.exports.scanCodes(codes, codeBytes, luts, scales, offsets, rows, mask, centroidDot, a, b, c, firstRef);
  }

  /** The best rows by estimate, at most as many as wanted, in descending order. */
  best(): { readonly refs: Uint32Array; readonly estimates: Float32Array } {
    return this.#pool.best();
  }

  /**
   * Begins an exact query. A row's int8 vector x̂ with scale s stands for s·x̂ with ‖x − s·x̂‖ ≤ e, and the query is
   * quantised likewise, q = t·q̂ + δ. Then |<q, x> − t·s·<q̂, x̂>| ≤ ‖q‖·e + ‖δ‖·(‖x‖ + e) by Cauchy and Schwarz, which
   * bounds the value v that orders rows: <q, x> for cosine (unit vectors) and dot, 2<q, x> − ‖x‖² for l2.
   */
  beginExact(query: Float32Array, dimensions: number, metric: Metric, wanted: number): void {
    const largest = query.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = largest / 127 || 1;
    const pointer = this.#luts(align16(dimensions));
    const bytes = new Int8Array(this.#memory.exports.memory.buffer, pointer, dimensions);
    let errorSquare = 0;
    let normSquare = 0;
    for (let i = 0; i < dimensions; i++) {
      const value = query[i] as number;
      const quantised = Math.round(value / scale);
      bytes[i] = quantised;
      errorSquare += (value - Math.fround(scale) * quantised) ** 2;
      normSquare += value ** 2;
    }
    const l2 = metric === "l2";
    const norm = roundUp(Math.sqrt(normSquare));
    this.#exact = {
      dimensions,
      vector: pointer,
      scale: Math.fround(scale),
      norm,
      error: roundUp(Math.sqrt(errorSquare)),
      m: l2 ? 2 : 1,
      n: l2 ? 1 : 0,
    };
    this.#pool.begin(wanted, Math.max(4 * wanted, 4096));
  }

  /** `vectors`: rows × dimensions int8. `factors`: rows × (scale, error, norm) float32. */
  scanInt8(vectors: Uint8Array, factors: Uint8Array, rows: number, firstRef: number, live?: Uint8Array): void {
    const { dimensions, vector, scale, norm, error, m, n } = this.#exact as ExactQuery;
    this.#pool.makeRoom(rows);
    const vectorBytes = align16(rows * dimensions);
    const scratch = this.#scratchOf(vectorBytes + rows * 12);
    this.#memory.bytes(scratch, rows * dimensions).set(vectors.subarray(0, rows * dimensions));
    const factorsAt = (scratch + vectorBytes) as Pointer;
    this.#memory.bytes(factorsAt, rows * 12).set(factors.subarray(0, rows * 12));
    const mask = this.#mask(live);
    this.#memory.exports.scanInt8(
      scratch,
      dimensions,
      dimensions,
      vector,
      scale,
      norm,
      error,
      factorsAt,
      rows,
      mask,
      m,
      n,
      firstRef,
    );
  }

  /** Every row whose upper bound reaches the k-th best lower bound: the true best k are among them, ties included. */
  exactCandidates(): { readonly refs: Uint32Array } {
    return { refs: this.#pool.withinBounds() };
  }

  /** Rotates `count` vectors in place by the collection-wide rotation of this dimension, and returns them. */
  rotate(vectors: Float32Array, dimensions: number, count: number): Float32Array {
    const { rotation, signs } = this.#rotation(dimensions);
    const pointer = this.#scratchOf(vectors.byteLength);
    this.#memory.floats(pointer, vectors.length).set(vectors);
    this.#memory.exports.rotate(pointer, dimensions, count, signs, rotation.rounds, rotation.block);
    vectors.set(this.#memory.floats(pointer, vectors.length));
    return vectors;
  }

  /** Inner products of one query with `count` vectors. */
  dots(query: Float32Array, vectors: Float32Array, count: number): Float32Array {
    const { length } = query;
    const vectorBytes = align16(count * length * 4);
    const pointer = this.#scratchOf(vectorBytes + align16(length * 4) + count * 4);
    const queryAt = (pointer + vectorBytes) as Pointer;
    const out = (queryAt + align16(length * 4)) as Pointer;
    this.#memory.floats(pointer, count * length).set(vectors.subarray(0, count * length));
    this.#memory.floats(queryAt, length).set(query);
    this.#memory.exports.dots(queryAt, pointer, length, count, out);
    return this.#memory.floats(out, count).slice();
  }

  /** Hamming distances of row-major codes, whose length a row is a multiple of 16 bytes, to a query's code. */
  hamming(codes: Uint8Array, query: Uint8Array, rows: number): Uint16Array {
    const bytes = align16(codes.length);
    const pointer = this.#scratchOf(bytes + query.length + rows * 2);
    this.#memory.bytes(pointer, codes.length).set(codes);
    const queryAt = (pointer + bytes) as Pointer;
    this.#memory.bytes(queryAt, query.length).set(query);
    const out = (queryAt + query.length) as Pointer;
    this.#memory.exports.hamming(pointer, query.length, queryAt, rows, out);
    return new Uint16Array(this.#memory.exports.memory.buffer, out, rows).slice();
  }

  #rotation(dimensions: number): { readonly rotation: Rotation; readonly signs: Pointer } {
    const known = this.#rotations.get(dimensions);
    if (known !== undefined) return known;
    const rotation = rotationOf(dimensions);
    const signs = this.#memory.allocate(rotation.signs.byteLength);
    this.#memory.floats(signs, rotation.signs.length).set(rotation.signs);
    const made = { rotation, signs };
    this.#rotations.set(dimensions, made);
    return made;
  }

  #mask(live: Uint8Array | undefined): number {
    if (live === undefined) return 0;
    this.#maskPointer ??= this.#memory.allocate(64);
    this.#memory.bytes(this.#maskPointer, 64).set(live);
    return this.#maskPointer;
  }
  #maskPointer: Pointer | undefined;

  #luts(bytes: number): Pointer {
    if (this.#lutPointer === undefined || this.#lutPointer.bytes < bytes) {
      if (this.#lutPointer !== undefined) this.#memory.free(this.#lutPointer.pointer);
      this.#lutPointer = { pointer: this.#memory.allocate(bytes), bytes };
    }
    return this.#lutPointer.pointer;
  }

  #scratchOf(bytes: number): Pointer {
    if (this.#scratch === undefined || this.#scratch.bytes < bytes) {
      if (this.#scratch !== undefined) this.#memory.free(this.#scratch.pointer);
      this.#scratch = { pointer: this.#memory.allocate(bytes), bytes };
    }
    return this.#scratch.pointer;
  }
}

const align16 = (bytes: number): number => (bytes + 15) & ~15;
const cellBytes = ({ rows, codeBytes }: ResidentCell): number =>
  Math.ceil(rows / rowsPerBlock) * rowsPerBlock * (codeBytes + 8);

/** The next float32 that is certainly not below a float64 value. */
export const roundUp = (value: number): number => Math.fround(value * (1 + 2 ** -22) + 2 ** -140);
