import { readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { damaged } from "../pages/damage.ts";
import { IndexReading } from "../pages/index-tree.ts";
import { blockBytes, type EncodedLayout, FileLayout, type PlacedTable } from "../pages/layout.ts";
import type { PagesShape } from "../pages/page-reader.ts";
import { readNow } from "../pages/page-source.ts";
import type { Value } from "../pages/record.ts";
import { forgetBlock, hasBlock } from "../pages/sparse-file.ts";
import { TableReading } from "../pages/table-tree.ts";
import { countsOf, floatsOf, type ShardReader, type StoredColumn, type StoredRow } from "./reader.ts";

/** A shard file of which only some blocks are here. Plain data, in memory that threads share. */
export interface PartialFile {
  /** The sparse copy, which stays open as long as it is pinned. */
  readonly fd: number;
  /** Another for each copy. */
  readonly serial: number;
  /** See `hasBlock`. */
  readonly present: Uint8Array;
  readonly layout: EncodedLayout;
}

/** Thrown where bytes are wanted that are not here: once these blocks are fetched, the same question gets further. */
export class MissingBlocks extends Error {
  readonly blocks: ReadonlySet<number>;

  constructor(blocks: ReadonlySet<number>) {
    super(`${blocks.size} blocks are not here`);
    this.blocks = blocks;
  }
}

/** Columns of `documents`, as CREATE TABLE lists them. */
const column = { id: 0, text: 1, metadata: 2, embedding: 3, createdAt: 4, updatedAt: 5, pagerank: 6 };
const codesTable = "vec_documents_vector_chunks00";
const int8Table = "vec_documents_vector_chunks01";
/** Blocks kept at hand: what is read together lies together. */
const keptBlocks = 64;

/**
 * A shard read by its pages, as far as they are here; what is wanted and isn't here is thrown as `MissingBlocks`, all of a
 * question at once. Answers exactly what `ShardFile` answers over the whole file. Synchronous. Each block is compared
 * with its checksum as it is read; one that differs is forgotten, and so missing.
 */
export class PartialShard implements ShardReader {
  readonly #file: PartialFile;
  readonly #layout: FileLayout;
  readonly #checks: Uint32Array;
  readonly #shape: PagesShape;
  readonly #blocks = new Map<number, Uint8Array>();

  /** Throws `data` when the layout is none. */
  constructor(file: PartialFile) {
    this.#file = file;
    this.#layout = new FileLayout(file.layout.places);
    this.#checks = new Uint32Array(file.layout.checks.slice().buffer);
    const { pageBytes, pageCount, indexInterior } = this.#layout;
    this.#shape = {
      source: { pageBytes, pageCount },
      usableBytes: pageBytes,
      known: (page) => indexInterior.get(page),
    };
  }

  /** The copy is its keeper's to close. */
  close(): void {
    this.#blocks.clear();
  }

  rowOf(id: string): number | undefined {
    const index = new IndexReading(this.#shape, this.#layout.indexRoot);
    const [rowid] = readNow((numbers) => this.#pages(numbers), index.rowids([id]));
    return rowid === undefined ? undefined : rowid - 1;
  }

  row(row: number): StoredRow {
    const [values] = this.#rows("documents", [row + 1], Object.values(column));
    const [id, text, metadata, embedding, createdAt, updatedAt, pagerank] = values as readonly Value[];
    return { id, text, metadata, embedding, createdAt, updatedAt, pagerank } as StoredRow;
  }

  idsOf(rows: readonly number[]): readonly string[] {
    const ascending = [...new Set(rows)].sort((a, b) => a - b);
    const found = this.#rows(
      "documents",
      ascending.map((row) => row + 1),
      [column.id],
    );
    const byRow = new Map(ascending.map((row, at) => [row, found[at]?.[0] as string]));
    return rows.map((row) => byRow.get(row) as string);
  }

  vectors(
    rows: readonly number[],
  ): readonly { readonly row: number; readonly id: string; readonly vector: Float32Array }[] {
    const ascending = rows.toSorted((a, b) => a - b);
    const rowids = ascending.map((row) => row + 1);
    return this.#rows("documents", rowids, [column.id, column.embedding]).map(([id, embedding], at) => {
      if (typeof id !== "string" || !(embedding instanceof Uint8Array)) throw damaged("a row has no vector");
      return { row: ascending[at] as number, id, vector: floatsOf(embedding) };
    });
  }

  codes(cell: number): Uint8Array {
    this.#need([codesTable, "code_factors"], [cell + 1]);
    return this.#blob(codesTable, cell, 1);
  }

  codeScales(cell: number): Uint8Array {
    return this.#blob("code_factors", cell, 1);
  }

  int8(cell: number): Uint8Array {
    this.#need([int8Table, "cells"], [cell + 1]);
    return this.#blob(int8Table, cell, 1);
  }

  exactFactors(cell: number): Uint8Array {
    return this.#blob("cells", cell, 4);
  }

  postings(term: number): Uint8Array {
    return this.#blob("terms", term - 1, 3);
  }

  positions(term: number): Uint8Array {
    return this.#blob("term_positions", term - 1, 1);
  }

  lengths(): Uint32Array {
    const parts = Array.from({ length: this.#layout.table("row_terms").rows }, (_, at) => at + 1);
    return countsOf(this.#rows("row_terms", parts, [1]).map(([counts]) => bytesOf(counts)));
  }

  column(number: number): StoredColumn {
    const [values] = this.#rows("columns", [number], [2, 3]);
    return { dictionary: bytesOf(values?.[0]), codes: bytesOf(values?.[1]) };
  }

  #blob(table: PlacedTable, cell: number, at: number): Uint8Array {
    const [values] = this.#rows(table, [cell + 1], [at]);
    return bytesOf(values?.[0]);
  }

  /** Throws `data` unless all of them are there. */
  #rows(name: PlacedTable, rowids: readonly number[], columns: readonly number[]): readonly (readonly Value[])[] {
    this.#need([name], rowids);
    const places = this.#layout.table(name);
    const spanOf = (rowid: number) => places.spanOf(rowid) ?? { page: 0, above: 0, upTo: 0 };
    // A row's leaf is known, so there is no root to tell an empty one from.
    const reading = new TableReading(this.#shape, 0).rows(rowids, { columns, spanOf, guess: 1 });
    return readNow((numbers) => this.#pages(numbers), reading).map((values) => {
      if (values === undefined) throw damaged(`a row of ${name} is not where it should be`);
      return values;
    });
  }

  /** Throws for all blocks at once that some rows are read from and are not here. */
  #need(tables: readonly PlacedTable[], rowids: readonly number[]): void {
    const pages = tables.flatMap((name) => rowids.flatMap((rowid) => this.#layout.table(name).pagesOf(rowid)));
    this.#needBlocks(this.#layout.blocksOf(pages));
  }

  #needBlocks(blocks: ReadonlySet<number>): void {
    const absent = [...blocks].filter((block) => this.#block(block) === undefined);
    if (absent.length > 0) throw new MissingBlocks(new Set(absent));
  }

  #pages(numbers: readonly number[]): readonly Uint8Array[] {
    this.#needBlocks(this.#layout.blocksOf(numbers));
    const { pageBytes } = this.#layout;
    return numbers.map((page) => {
      const start = (page - 1) * pageBytes;
      const within = start % blockBytes;
      const block = Math.floor(start / blockBytes);
      const bytes = this.#block(block);
      if (bytes === undefined) throw new MissingBlocks(new Set([block]));
      return bytes.subarray(within, within + pageBytes);
    });
  }

  /** Undefined when it is not here. */
  #block(block: number): Uint8Array | undefined {
    const kept = this.#blocks.get(block);
    if (kept !== undefined) return kept;
    if (!hasBlock(this.#file.present, block)) return undefined;
    const length = Math.min(blockBytes, this.#layout.fileBytes - block * blockBytes);
    const bytes = new Uint8Array(length);
    const read = readSync(this.#file.fd, bytes, 0, length, block * blockBytes);
    if (read !== length || crc32(bytes) !== this.#checks[block]) {
      forgetBlock(this.#file.present, block);
      return undefined;
    }
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size >= keptBlocks && oldest !== undefined) this.#blocks.delete(oldest);
    this.#blocks.set(block, bytes);
    return bytes;
  }
}

function bytesOf(value: Value | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw damaged("a row has something else than bytes");
}
