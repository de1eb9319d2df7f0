import { LRUCache } from "lru-cache";
import type { StoredColumn } from "../file/reader.ts";
import { KernelMemory, type Pointer } from "../kernel/memory.ts";
import { damaged } from "../pages/damage.ts";
import { widthOf } from "./build.ts";
import { type CodeRange, Dictionary } from "./dictionary.ts";
import { type ColumnFilter, codesFor, columnsRead } from "./filter.ts";

/** A column of one shard: its codes lie in the kernel's memory. */
interface ResidentColumn {
  readonly dictionary: Dictionary;
  readonly codes: Pointer;
  readonly width: 1 | 2 | 4;
  readonly rows: number;
  readonly bytes: number;
}

/** Codes and bits of whole groups of so many rows are read and written. */
const group = 128;
const roundedUp = (rows: number): number => Math.ceil(rows / group) * group;
/** More ranges than these are looked up in a table instead of being compared with one by one. */
const mostRanges = 8;

/** Columns of shards that filters have asked for, up to a bound, and the kernel that reads them. For one thread. */
export class ColumnSet {
  readonly #memory: KernelMemory;
  readonly #columns: LRUCache<string, ResidentColumn>;

  constructor(maxBytes: number) {
    this.#memory = new KernelMemory(maxBytes);
    this.#columns = new LRUCache({
      maxSize: Math.max(1, maxBytes),
      sizeCalculation: ({ bytes }) => bytes,
      dispose: ({ codes }) => this.#memory.free(codes),
    });
  }

  /** `file` is a key of an immutable object. */
  has(file: string, column: string): boolean {
    return this.#columns.has(keyOf(file, column));
  }

  /** A column that is larger than the bound is not kept. Throws `data` when the bytes are no column of so many rows. */
  add(file: string, column: string, { dictionary, codes }: StoredColumn, rows: number): void {
    const decoded = Dictionary.decode(dictionary);
    const width = widthOf(decoded.size);
    if (codes.length !== width * rows) throw damaged(`the column ${column} has another length`);
    const length = width * roundedUp(rows);
    const bytes = length + decoded.bytes;
    if (bytes > this.#memory.maxBytes) return;
    const pointer = this.#memory.allocate(length);
    const target = this.#memory.bytes(pointer, length);
    target.set(codes);
    target.fill(0, codes.length);
    this.#columns.set(keyOf(file, column), { dictionary: decoded, codes: pointer, width, rows, bytes });
  }

  /**
   * Bit r: row r fulfils the filter. Undefined when a column that it reads is not here (`absent` names those that the file
   * doesn't have because all their values are NULL), or a test is SQLite's to answer.
   */
  matching(
    file: string,
    filter: ColumnFilter,
    rows: number,
    absent: (column: string) => boolean,
  ): Uint8Array | undefined {
    const length = roundedUp(rows) / 8;
    const columns = new Map<string, ResidentColumn | "null">();
    for (const column of columnsRead(filter)) {
      const found = this.#columns.get(keyOf(file, column)) ?? (absent(column) ? "null" : undefined);
      if (found === undefined) return undefined;
      columns.set(column, found);
    }
    const out = this.#bits(length);
    try {
      if (!this.#evaluate(filter, columns, rows, out, length)) return undefined;
      const bits = new Uint8Array(new SharedArrayBuffer(length));
      bits.set(this.#memory.bytes(out, length));
      clearFrom(bits, rows);
      return bits;
    } finally {
      this.#memory.free(out);
    }
  }

  /** False when SQLite is to answer. `out` is all zero before. */
  #evaluate(
    filter: ColumnFilter,
    columns: ReadonlyMap<string, ResidentColumn | "null">,
    rows: number,
    out: Pointer,
    length: number,
  ): boolean {
    switch (filter.kind) {
      case "never":
        return true;
      case "always":
        this.#memory.bytes(out, length).fill(255);
        return true;
      case "column": {
        const column = columns.get(filter.column) as ResidentColumn | "null";
        if (column === "null") {
          if (filter.test.kind === "null") this.#memory.bytes(out, length).fill(255);
          return true;
        }
        const ranges = codesFor(filter.test, column.dictionary);
        if (ranges !== undefined) this.#scan(column, ranges, out);
        return ranges !== undefined;
      }
      default:
        return this.#combine(filter, columns, rows, out, length);
    }
  }

  #combine(
    { kind, parts }: Extract<ColumnFilter, { kind: "and" | "or" }>,
    columns: ReadonlyMap<string, ResidentColumn | "null">,
    rows: number,
    out: Pointer,
    length: number,
  ): boolean {
    if (kind === "and") this.#memory.bytes(out, length).fill(255);
    const own = this.#bits(length);
    try {
      return parts.every((part) => {
        this.#memory.bytes(own, length).fill(0);
        if (!this.#evaluate(part, columns, rows, own, length)) return false;
        this.#memory.exports.combine(out, own, length, kind === "and" ? 1 : 0);
        return true;
      });
    } finally {
      this.#memory.free(own);
    }
  }

  #scan({ codes, width, rows, dictionary }: ResidentColumn, ranges: readonly CodeRange[], out: Pointer): void {
    const { exports } = this.#memory;
    if (ranges.length <= mostRanges) {
      for (const { low, high } of ranges) exports.codesWithin(codes, width, rows, low, high, out);
      return;
    }
    const count = dictionary.size + 1;
    const bytes = Math.ceil(count / 8);
    const table = this.#memory.allocate(bytes);
    const bits = this.#memory.bytes(table, bytes).fill(0);
    for (const { low, high } of ranges)
      for (let code = low; code <= high; code++) bits[code >>> 3] = (bits[code >>> 3] as number) | (1 << (code & 7));
    exports.codesOf(codes, width, rows, table, count, out);
    this.#memory.free(table);
  }

  /** Zeroed. */
  #bits(length: number): Pointer {
    const pointer = this.#memory.allocate(length);
    this.#memory.bytes(pointer, length).fill(0);
    return pointer;
  }
}

const keyOf = (file: string, column: string): string => `${file}\n${column}`;

/** Bits beyond the last row. */
function clearFrom(bits: Uint8Array, rows: number): void {
  const byte = rows >>> 3;
  if (byte < bits.length) bits[byte] = (bits[byte] as number) & ((1 << (rows & 7)) - 1);
  bits.fill(0, byte + 1);
}
