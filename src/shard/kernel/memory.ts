import { readFileSync } from "node:fs";
import { MosaicError } from "../../base/index.ts";

/** Byte offset in the kernel's memory. */
export type Pointer = number & { readonly brand: "Pointer" };

export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  poolBegin(values: number, extras: number, refs: number, capacity: number, wanted: number): void;
  poolResume(
    values: number,
    extras: number,
    refs: number,
    capacity: number,
    wanted: number,
    count: number,
    threshold: number,
  ): void;
  poolSize(): number;
  threshold(): number;
  prune(): void;
  pruneByBounds(): void;
  scanCodes(
    codes: number,
    codeBytes: number,
    luts: number,
    scales: number,
    offsets: number,
    rows: number,
    live: number,
    base: number,
    a: number,
    b: number,
    c: number,
    firstRef: number,
  ): void;
  hamming(codes: number, codeBytes: number, query: number, rows: number, out: number): void;
  scanInt8(
    vectors: number,
    dimensions: number,
    stride: number,
    query: number,
    queryScale: number,
    queryNorm: number,
    queryError: number,
    factors: number,
    rows: number,
    live: number,
    m: number,
    n: number,
    firstRef: number,
  ): void;
  dots(query: number, vectors: number, dimensions: number, count: number, out: number): void;
  codesWithin(codes: number, width: number, rows: number, low: number, high: number, out: number): void;
  codesOf(codes: number, width: number, rows: number, table: number, count: number, out: number): void;
  combine(out: number, other: number, bytes: number, all: number): void;
  rotate(vectors: number, dimensions: number, count: number, signs: number, rounds: number, block: number): void;
}

let compiled: WebAssembly.Module | undefined;

function instantiate(): KernelExports {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./kernel.wasm", import.meta.url)));
  return new WebAssembly.Instance(compiled, {}).exports as unknown as KernelExports;
}

const pageBytes = 65536;
const align = (bytes: number): number => (bytes + 15) & ~15;

/**
 * The kernel's linear memory: 16-byte aligned blocks, taken from free ones of the same size or from the end. Blocks
 * of a program like this have few sizes (a cell's codes, a query's tables), so nothing is split or joined.
 */
export class KernelMemory {
  readonly exports: KernelExports = instantiate();
  readonly maxBytes: number;
  readonly #free = new Map<number, Pointer[]>();
  readonly #sizes = new Map<Pointer, number>();
  #end: number;
  allocatedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#end = align(this.exports.heapBase());
  }

  allocate(bytes: number): Pointer {
    const size = align(Math.max(16, bytes));
    const pointer = this.#free.get(size)?.pop() ?? this.#extend(size);
    this.#sizes.set(pointer, size);
    this.allocatedBytes += size;
    return pointer;
  }

  free(pointer: Pointer): void {
    const size = this.#sizes.get(pointer);
    if (size === undefined) return;
    this.#sizes.delete(pointer);
    this.allocatedBytes -= size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [pointer]);
    else list.push(pointer);
  }

  /** Views are made anew at each use: memory that grows detaches the old ones. */
  bytes(pointer: Pointer, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, pointer, length);
  }
  floats(pointer: Pointer, length: number): Float32Array {
    return new Float32Array(this.exports.memory.buffer, pointer, length);
  }
  words(pointer: Pointer, length: number): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, pointer, length);
  }

  #extend(size: number): Pointer {
    const { memory } = this.exports;
    const missing = this.#end + size - memory.buffer.byteLength;
    if (missing > 0) {
      try {
        memory.grow(Math.ceil(missing / pageBytes));
      } catch (cause) {
        throw new MosaicError("unavailable", "scan vectors", {
          code: "kernel_memory",
          detail: "There is not enough memory for this query's vectors.",
          hint: "lower CODES_MAX_BYTES or SEARCH_THREADS",
          cause,
        });
      }
    }
    const pointer = this.#end as Pointer;
    this.#end += size;
    return pointer;
  }
}
