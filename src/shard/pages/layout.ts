import { deflateRawSync, inflateRawSync } from "node:zlib";
import { damaged } from "./damage.ts";
import type { PageRun } from "./page-source.ts";
import type { Span } from "./span.ts";

/** The unit in which parts of a file are fetched, checked and kept. */
export const blockBytes = 16_384;

/** Tables whose rows can be found without reading the way to them, in the order in which they are stored. */
const firstTables = [
  "documents",
  "cells",
  "code_factors",
  "vec_documents_vector_chunks00",
  "vec_documents_vector_chunks01",
  "terms",
  "term_positions",
  "row_terms",
] as const;
/** Those that came with format 4: stored after everything else, so that a layout without them is still one. */
const laterTables = ["columns"] as const;
export const placedTables = [...firstTables, ...laterTables] as const;
export type PlacedTable = (typeof placedTables)[number];

/** A leaf page of a table, in rowid order; rowids begin at 1 and have no gap. */
export interface LeafPlace {
  readonly page: number;
  readonly rows: number;
  /** Rows (from 0, in this page) that go on elsewhere, and where. */
  readonly overflow: readonly { readonly row: number; readonly run: PageRun }[];
}

/** Where things lie in a shard file. */
export interface Places {
  readonly pageBytes: number;
  readonly fileBytes: number;
  readonly tables: Readonly<Record<PlacedTable, readonly LeafPlace[]>>;
  /** The index of ids: its root, and its pages above the leaves as they are. */
  readonly index: { readonly root: number; readonly interior: ReadonlyMap<number, Uint8Array> };
}

/** What a summary keeps of a file's layout: places, compressed, and a CRC-32 (u32) of each block. */
export interface EncodedLayout {
  readonly places: Uint8Array;
  readonly checks: Uint8Array;
}

/**
 * Numbers as little-endian varints, deflated: page and file size, root of the index, then each table as a count of leaves, a
 * count of runs of neighbouring leaves with first page and length of each, a count of overflow runs with rowid (difference
 * to the one before), first page and length of each, and a byte a leaf: its rows, or 255 and the count as a varint after all
 * bytes. Then a count of interior pages, their numbers, and their bytes; at last the table of columns, like the others, in a
 * file that has it.
 */
export function encodePlaces({ pageBytes, fileBytes, tables, index }: Places): Uint8Array {
  const out: number[] = [];
  pushVarint(out, pageBytes);
  pushVarint(out, fileBytes);
  pushVarint(out, index.root);
  for (const name of firstTables) pushTable(out, tables[name]);
  pushVarint(out, index.interior.size);
  for (const page of index.interior.keys()) pushVarint(out, page);
  const later: number[] = [];
  for (const name of laterTables) if (tables[name].length > 0) pushTable(later, tables[name]);
  const parts = [Uint8Array.from(out), ...index.interior.values(), Uint8Array.from(later)];
  return deflateRawSync(Buffer.concat(parts), { level: 9 });
}

function pushTable(out: number[], leaves: readonly LeafPlace[]): void {
  const runs: { first: number; count: number }[] = [];
  const overflow: { readonly rowid: number; readonly run: PageRun }[] = [];
  let first = 1;
  for (const { page, rows, overflow: own } of leaves) {
    const last = runs.at(-1);
    if (last !== undefined && page === last.first + last.count) last.count++;
    else runs.push({ first: page, count: 1 });
    for (const { row, run } of own) overflow.push({ rowid: first + row, run });
    first += rows;
  }
  const pushAll = (numbers: readonly number[]): void => {
    for (const number of numbers) pushVarint(out, number);
  };
  pushAll([leaves.length, runs.length, ...runs.flatMap((run) => [run.first, run.count]), overflow.length]);
  let before = 0;
  for (const { rowid, run } of overflow) {
    pushAll([rowid - before, run.first, run.count]);
    before = rowid;
  }
  for (const { rows } of leaves) out.push(Math.min(rows, manyRows));
  for (const { rows } of leaves) if (rows >= manyRows) pushVarint(out, rows);
}

/** In the byte of a leaf: its rows are told after the bytes. */
const manyRows = 255;

function pushVarint(out: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
}

/** Reads the numbers that `encodePlaces` wrote. */
class Numbers {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  one(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || scale > 2 ** 49) throw damaged("the layout ends too early");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  run(): PageRun {
    return { first: this.one(), count: this.one() };
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** The next bytes as they are. */
  take(count: number): Uint8Array {
    const taken = this.bytes.subarray(this.at, this.at + count);
    if (taken.length !== count) throw damaged("the layout ends too early");
    this.at += count;
    return taken;
  }
}

/** Where the rows of one table lie. */
export class TablePlaces {
  readonly #pages: Uint32Array;
  /** Rowid of the first row of each leaf, and one after the last row of all. */
  readonly #first: Uint32Array;
  readonly #overflow = new Map<number, PageRun[]>();

  /** A hundred thousand rows have tens of thousands of leaves, and the first query waits: plain loops. */
  constructor(numbers: Numbers) {
    const leaves = numbers.one();
    this.#pages = new Uint32Array(leaves);
    this.#first = new Uint32Array(leaves + 1);
    let leaf = 0;
    for (let runs = numbers.one(); runs > 0; runs--) {
      const { first, count } = numbers.run();
      for (let page = first; page < first + count && leaf < leaves; page++) this.#pages[leaf++] = page;
    }
    for (let runs = numbers.one(), rowid = 0; runs > 0; runs--) {
      rowid += numbers.one();
      this.#addOverflow(rowid, numbers.run());
    }
    const rows = numbers.take(leaves);
    let next = 1;
    for (let at = 0; at < leaves; at++) {
      this.#first[at] = next;
      next += rows[at] === manyRows ? numbers.one() : (rows[at] as number);
    }
    this.#first[leaves] = next;
  }

  /** How many there are. */
  get rows(): number {
    return (this.#first.at(-1) as number) - 1;
  }

  /** The leaf page of a row, and which rowids it has; undefined for a rowid that isn't there. */
  spanOf(rowid: number): Span | undefined {
    if (rowid < 1 || rowid >= (this.#first.at(-1) as number)) return undefined;
    let [from, to] = [0, this.#pages.length];
    while (to - from > 1) {
      const middle = (from + to) >>> 1;
      if ((this.#first[middle] as number) <= rowid) from = middle;
      else to = middle;
    }
    const [first, next] = [this.#first[from] as number, this.#first[from + 1] as number];
    return { page: this.#pages[from] as number, above: first - 1, upTo: next - 1 };
  }

  /** Every page that a row is read from. */
  pagesOf(rowid: number): readonly number[] {
    const span = this.spanOf(rowid);
    if (span === undefined) return [];
    const runs = this.#overflow.get(rowid) ?? [];
    return [span.page, ...runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at))];
  }

  #addOverflow(rowid: number, run: PageRun): void {
    const runs = this.#overflow.get(rowid);
    if (runs === undefined) this.#overflow.set(rowid, [run]);
    else runs.push(run);
  }
}

/** Of a table that isn't in the file: no leaf, no run, no overflow. */
const noPlaces = (): TablePlaces => new TablePlaces(new Numbers(Uint8Array.of(0, 0, 0)));

function inflated(places: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(new Uint8Array(places));
  } catch {
    throw damaged("the layout can't be read");
  }
}

/** A layout, decoded: how a file is read whose pages are not all at hand. */
export class FileLayout {
  readonly pageBytes: number;
  readonly fileBytes: number;
  readonly indexRoot: number;
  readonly indexInterior: ReadonlyMap<number, Uint8Array>;
  readonly #tables: Readonly<Record<PlacedTable, TablePlaces>>;

  /** Throws `data` when the bytes are no layout; they were compared with a checksum before. */
  constructor(places: Uint8Array) {
    const numbers = new Numbers(inflated(places));
    this.pageBytes = numbers.one();
    this.fileBytes = numbers.one();
    this.indexRoot = numbers.one();
    const first = firstTables.map((name) => [name, new TablePlaces(numbers)] as const);
    const interior = Array.from({ length: numbers.one() }, () => numbers.one());
    this.indexInterior = new Map(interior.map((page) => [page, numbers.take(this.pageBytes)]));
    const later = laterTables.map((name) => [name, numbers.isAtEnd ? noPlaces() : new TablePlaces(numbers)] as const);
    this.#tables = Object.fromEntries([...first, ...later]) as Record<PlacedTable, TablePlaces>;
  }

  get pageCount(): number {
    return Math.floor(this.fileBytes / this.pageBytes);
  }

  table(name: PlacedTable): TablePlaces {
    return this.#tables[name];
  }

  /** The blocks that some pages lie in. */
  blocksOf(pages: Iterable<number>): ReadonlySet<number> {
    const blocks = new Set<number>();
    for (const page of pages) {
      const start = (page - 1) * this.pageBytes;
      for (let at = Math.floor(start / blockBytes); at * blockBytes < start + this.pageBytes; at++) blocks.add(at);
    }
    return blocks;
  }
}
