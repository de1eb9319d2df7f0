import { rmSync } from "node:fs";
import Database from "better-sqlite3";
import { load as loadVec } from "sqlite-vec";
import type { EncodedCell } from "../codes/index.ts";
import { columnsOf } from "../columns/build.ts";
import {
  chunkRows,
  countedRows,
  documentIndexes,
  documentsTable,
  metadataIndexes,
  ownTables,
  pageSizeBytes,
  shardFormat,
  vectorTable,
} from "../file/schema.ts";
import type { ShardValues } from "../summary/values.ts";
import type { IndexedTerm } from "../terms/inverted-index.ts";

export interface ShardRow {
  readonly id: string;
  readonly text: string;
  readonly metadata: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly pagerank: number;
  /** Float32 little-endian, as the client sent it. */
  readonly embedding: Uint8Array | null;
}

export interface CellToWrite extends EncodedCell {
  readonly rows: number;
  readonly centroid: Float32Array;
  readonly spread: number;
}

export interface ShardShape {
  readonly shard: string;
  readonly documents: number;
  readonly vectors: number;
  /** 0 when no row has a vector; then there is no vec_documents table. */
  readonly dimensions: number;
  readonly codeBits: number;
  readonly distance: "cosine" | "l2" | "dot";
}

const floatBytes = (view: Float32Array): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/**
 * Writes one shard file at `path`: rows get rowids 1, 2, … in the order given, those with a vector first, in cell
 * order. Synchronous; for a worker thread. Not durable: the object store makes it so.
 */
export class ShardWriter {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #shape: ShardShape;
  readonly #chunkRows: number;
  readonly #insertRow: Database.Statement;

  constructor(path: string, shape: ShardShape) {
    this.#path = path;
    this.#shape = shape;
    this.#chunkRows = chunkRows(shape.vectors);
    this.#db = new Database(`${path}.build`);
    // The file is thrown away when anything fails, so SQLite need not protect it while it is built.
    this.#db.pragma(`page_size = ${pageSizeBytes(shape.documents)}`);
    this.#db.pragma("journal_mode = OFF");
    this.#db.pragma("synchronous = OFF");
    // VACUUM takes as much again for the file that it writes. Rows come in order, so that more is not faster.
    this.#db.pragma("cache_size = -16384");
    // Lets the shadow tables of vec_documents be written: better-sqlite3 opens databases in defensive mode.
    this.#db.unsafeMode(true);
    this.#db.exec(documentsTable);
    this.#db.exec(ownTables);
    this.#insertRow = this.#db.prepare(
      "INSERT INTO documents(rowid, id, text, metadata, embedding, created_at, updated_at, pagerank) VALUES (?,?,?,?,?,?,?,?)",
    );
    this.#db.exec("BEGIN");
  }

  row(rowid: number, row: ShardRow): void {
    const { id, text, metadata, embedding, createdAt, updatedAt, pagerank } = row;
    this.#insertRow.run(rowid, id, text, metadata, embedding, createdAt, updatedAt, pagerank);
  }

  cells(cells: Iterable<CellToWrite>): void {
    const { dimensions, codeBits, distance } = this.#shape;
    loadVec(this.#db);
    this.#db.exec(vectorTable(codeBits, dimensions, distance === "l2" ? "L2" : "cosine", this.#chunkRows));
    const write = this.#cellWriter();
    let first = 1;
    for (const cell of cells) {
      write(cell, first);
      first += cell.rows;
    }
  }

  /** `counts`: terms of each row. */
  terms(terms: Iterable<IndexedTerm>, counts: Uint32Array): void {
    const term = this.#db.prepare("INSERT INTO terms VALUES (?,?,?,?)");
    const positions = this.#db.prepare("INSERT INTO term_positions VALUES (?,?)");
    let number = 0;
    for (const one of terms) {
      number++;
      term.run(number, one.term, one.documents, one.postings);
      positions.run(number, one.positions);
    }
    const rows = this.#db.prepare("INSERT INTO row_terms VALUES (?,?)");
    for (let first = 0; first < counts.length; first += countedRows) {
      const part = counts.subarray(first, first + countedRows);
      rows.run(first / countedRows + 1, new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    }
  }

  /** Columns of codes of the rows that were written; their names in order. */
  columns(values: ShardValues): readonly string[] {
    const columns = columnsOf(this.#db, values, this.#shape.documents);
    const insert = this.#db.prepare("INSERT INTO columns VALUES (?,?,?,?)");
    columns.forEach(({ name, dictionary, codes }, at) => insert.run(at + 1, name, dictionary, codes));
    return columns.map(({ name }) => name);
  }

  /** Indexes (also on these keys of metadata), statistics, one VACUUM so that what is read together lies together. */
  finish(indexedKeys: readonly string[]): void {
    const { shard, dimensions, distance } = this.#shape;
    const about = this.#db.prepare("INSERT INTO shard(key, value) VALUES (?, ?)");
    const facts = { format: shardFormat, shard, dimensions, distance, writer: "mosaic" };
    for (const [key, value] of Object.entries(facts)) about.run(key, value);
    this.#db.exec("COMMIT");
    this.#db.exec(documentIndexes);
    this.#db.exec(metadataIndexes(indexedKeys));
    this.#db.exec("ANALYZE");
    this.#db.prepare("VACUUM INTO ?").run(this.#path);
    this.discard();
  }

  /** Closes and removes the work file; the finished shard, if any, stays. */
  discard(): void {
    this.#db.close();
    rmSync(`${this.#path}.build`, { force: true });
  }

  #cellWriter(): (cell: CellToWrite, firstRowid: number) => void {
    const prepare = (sql: string): Database.Statement => this.#db.prepare(sql);
    const chunk = prepare("INSERT INTO vec_documents_chunks(chunk_id, size, validity, rowids) VALUES (?,?,?,?)");
    const rowid = prepare("INSERT INTO vec_documents_rowids(rowid, id, chunk_id, chunk_offset) VALUES (?,NULL,?,?)");
    const codes = prepare("INSERT INTO vec_documents_vector_chunks00(rowid, vectors) VALUES (?,?)");
    const int8 = prepare("INSERT INTO vec_documents_vector_chunks01(rowid, vectors) VALUES (?,?)");
    const cellRow = prepare("INSERT INTO cells VALUES (?,?,?,?,?)");
    const scales = prepare("INSERT INTO code_factors VALUES (?,?)");
    const size = this.#chunkRows;
    let number = 0;
    return (cell, firstRowid) => {
      number++;
      chunk.run(number, size, validity(cell.rows, size), rowidsFrom(firstRowid, cell.rows, size));
      for (let i = 0; i < cell.rows; i++) rowid.run(firstRowid + i, number, i);
      codes.run(number, padded(cell.codes, (this.#shape.codeBits / 8) * size));
      int8.run(
        number,
        padded(
          new Uint8Array(cell.int8.buffer, cell.int8.byteOffset, cell.int8.byteLength),
          this.#shape.dimensions * size,
        ),
      );
      cellRow.run(number, cell.rows, cell.spread, floatBytes(cell.centroid), cell.exactFactors);
      scales.run(number, cell.scales);
    };
  }
}

/** vec0 chunks are allocated whole: the last cell's unused rows are zero and marked invalid. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const whole = new Uint8Array(length);
  whole.set(bytes);
  return whole;
}

function validity(rows: number, size: number): Uint8Array {
  const bits = new Uint8Array(size / 8);
  for (let i = 0; i < rows; i++) bits[i >>> 3] = (bits[i >>> 3] ?? 0) | (1 << (i & 7));
  return bits;
}

function rowidsFrom(first: number, rows: number, size: number): Uint8Array {
  const rowids = new BigInt64Array(size);
  for (let i = 0; i < rows; i++) rowids[i] = BigInt(first + i);
  return new Uint8Array(rowids.buffer);
}
