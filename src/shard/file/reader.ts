import Database from "better-sqlite3";
import { MosaicError } from "../../base/index.ts";

export interface StoredRow {
  readonly id: string;
  readonly text: string;
  readonly metadata: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly pagerank: number;
  readonly embedding: Uint8Array | null;
}

/** What a leaf reads of a shard, wherever its bytes lie. Rows are numbered from 0. Every method throws `data` on damage. */
export interface ShardReader {
  rowOf(id: string): number | undefined;
  row(row: number): StoredRow;
  /** In the order of the rows. */
  idsOf(rows: readonly number[]): readonly string[];
  vectors(
    rows: readonly number[],
  ): readonly { readonly row: number; readonly id: string; readonly vector: Float32Array }[];
  codes(cell: number): Uint8Array;
  codeScales(cell: number): Uint8Array;
  int8(cell: number): Uint8Array;
  exactFactors(cell: number): Uint8Array;
  /** Of terms, by number (from 1, as `TermTable` has it): see src/shard/terms/encode-term.ts. */
  postings(term: number): Uint8Array;
  positions(term: number): Uint8Array;
  /** How many terms each row has. */
  lengths(): Uint32Array;
  /** A column of codes, by number from 1: see src/shard/columns. */
  column(number: number): StoredColumn;
  close(): void;
}

/** As the file has it. */
export interface StoredColumn {
  readonly dictionary: Uint8Array;
  readonly codes: Uint8Array;
}

/** `cache_size` is small because rows are rarely read twice; `busy_timeout` covers a reader beside somebody's own tools. */
const pragmas = [
  "query_only = ON",
  // The file never changes: the shared lock is taken once and kept, instead of two system calls for every statement.
  "locking_mode = EXCLUSIVE",
  "busy_timeout = 5000",
  "cache_size = -2048",
];

/** Float32 values of a blob; copies only where the bytes are not aligned. */
export function floatsOf(blob: Uint8Array): Float32Array {
  if (blob.byteOffset % 4 === 0) return new Float32Array(blob.buffer, blob.byteOffset, blob.byteLength / 4);
  return new Float32Array(blob.slice().buffer);
}

/** The counts of `row_terms`, one after the other. */
export function countsOf(parts: readonly Uint8Array[]): Uint32Array {
  const bytes = Buffer.concat(parts);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/**
 * An open shard file, read-only. Synchronous: for worker threads. The bytes must have been compared with the
 * manifest's checksum before. Rows are numbered from 0; rowid is row + 1. Every method throws `data` on damage.
 */
export class ShardFile implements ShardReader {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  readonly path: string;

  private constructor(path: string, db: Database.Database) {
    this.path = path;
    this.#db = db;
  }

  /** `mmapBytes`: how much of the file SQLite may map into memory instead of copying pages. */
  static open(path: string, mmapBytes = 0): ShardFile {
    let db: Database.Database | undefined;
    try {
      db = new Database(path, { readonly: true, fileMustExist: true });
      for (const pragma of [...pragmas, `mmap_size = ${mmapBytes}`]) db.pragma(pragma);
      const file = new ShardFile(path, db);
      file.check();
      return file;
    } catch (cause) {
      db?.close();
      throw damaged("open shard", path, cause);
    }
  }

  /** Throws when the connection or the file is no longer usable. */
  check(): void {
    this.#get("SELECT value FROM shard WHERE key = 'format'");
  }

  close(): void {
    this.#db.close();
  }

  /** Row number of an id, or undefined. */
  rowOf(id: string): number | undefined {
    const found = this.#get("SELECT rowid FROM documents WHERE id = ?", id) as { rowid: number } | undefined;
    return found === undefined ? undefined : found.rowid - 1;
  }

  row(row: number): StoredRow {
    const found = this.#get(
      `SELECT id, text, metadata, created_at AS createdAt, updated_at AS updatedAt, pagerank, embedding
       FROM documents WHERE rowid = ?`,
      row + 1,
    );
    return this.#present(found) as StoredRow;
  }

  idsOf(rows: readonly number[]): readonly string[] {
    return rows.map((row) => {
      const found = this.#get("SELECT id FROM documents WHERE rowid = ?", row + 1);
      return (this.#present(found) as { id: string }).id;
    });
  }

  /** Ids and vectors of some rows in one statement: what scoring needs. In row order. */
  vectors(
    rows: readonly number[],
  ): readonly { readonly row: number; readonly id: string; readonly vector: Float32Array }[] {
    const rowids = JSON.stringify(rows.map((row) => row + 1));
    const found = this.#all(
      "SELECT rowid, id, embedding FROM documents WHERE rowid IN (SELECT value FROM json_each(?))",
      rowids,
    ) as { rowid: number; id: string; embedding: Uint8Array }[];
    if (found.length !== rows.length) throw damaged("read shard", this.path, undefined);
    return found.map(({ rowid, id, embedding }) => ({ row: rowid - 1, id, vector: floatsOf(embedding) }));
  }

  /** The binary codes of a cell (from 0), as the vec0 chunk keeps them: 512 × code bytes. */
  codes(cell: number): Uint8Array {
    return this.#blob("SELECT vectors FROM vec_documents_vector_chunks00 WHERE rowid = ?", cell + 1, "vectors");
  }

  /** The int8 vectors of a cell: 512 × dimensions. */
  int8(cell: number): Uint8Array {
    return this.#blob("SELECT vectors FROM vec_documents_vector_chunks01 WHERE rowid = ?", cell + 1, "vectors");
  }

  /** What goes with the codes: 512 × float32. */
  codeScales(cell: number): Uint8Array {
    return this.#blob("SELECT scales FROM code_factors WHERE cell = ?", cell + 1, "scales");
  }

  exactFactors(cell: number): Uint8Array {
    return this.#blob("SELECT exact_factors AS factors FROM cells WHERE cell = ?", cell + 1, "factors");
  }

  postings(term: number): Uint8Array {
    return this.#blob("SELECT postings FROM terms WHERE number = ?", term, "postings");
  }

  positions(term: number): Uint8Array {
    return this.#blob("SELECT positions FROM term_positions WHERE number = ?", term, "positions");
  }

  lengths(): Uint32Array {
    const parts = this.#all("SELECT counts FROM row_terms ORDER BY number") as { counts: Uint8Array }[];
    return countsOf(parts.map(({ counts }) => counts));
  }

  column(number: number): StoredColumn {
    return this.#present(this.#get("SELECT dictionary, codes FROM columns WHERE number = ?", number)) as StoredColumn;
  }

  /** Names of the columns of codes, in the order of their numbers. Empty in a file of an older format. */
  columnNames(): readonly string[] {
    const there = this.#get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'columns'");
    if (there === undefined) return [];
    return (this.#all("SELECT name FROM columns ORDER BY number") as { name: string }[]).map(({ name }) => name);
  }

  /** Every term with the rows that hold it, in the order of UTF-8 bytes. */
  *terms(): Generator<{ readonly term: string; readonly documents: number }> {
    const statement = this.#db.prepare("SELECT term, documents FROM terms ORDER BY number");
    yield* statement.iterate() as IterableIterator<{ term: string; documents: number }>;
  }

  /** Every term with the list of its rows, in the same order. */
  *termLists(): Generator<{ readonly term: string; readonly documents: number; readonly postings: Uint8Array }> {
    const statement = this.#db.prepare("SELECT term, documents, postings FROM terms ORDER BY number");
    yield* statement.iterate() as IterableIterator<{ term: string; documents: number; postings: Uint8Array }>;
  }

  /** Whether this is what is kept beside a shard that can't be read: ids and terms, and no documents. */
  get isStub(): boolean {
    return this.#get("SELECT 1 FROM shard WHERE key = 'kind' AND value = 'stub'") !== undefined;
  }

  /** Every id with its row, in row order. */
  *ids(): Generator<{ readonly id: string; readonly row: number }> {
    const statement = this.#db.prepare("SELECT rowid, id FROM documents ORDER BY rowid");
    for (const found of statement.iterate() as IterableIterator<{ rowid: number; id: string }>) {
      yield { id: found.id, row: found.rowid - 1 };
    }
  }

  /** Every row in row order, without its vector. */
  *plainRows(): Generator<Omit<StoredRow, "embedding">> {
    const statement = this.#db.prepare(
      "SELECT id, text, metadata, created_at AS createdAt, updated_at AS updatedAt, pagerank FROM documents ORDER BY rowid",
    );
    yield* statement.iterate() as IterableIterator<Omit<StoredRow, "embedding">>;
  }

  /**
   * Ids that rows link to: the texts in the list (or the text) that is metadata's `key`. In row order, as they stand there;
   * values of another type link to nothing.
   */
  *links(key: string): Generator<{ readonly row: number; readonly target: string }> {
    const statement = this.#db.prepare(
      `SELECT d.rowid, l.value AS target FROM documents d, json_each(d.metadata, :path) l
       WHERE l.type = 'text' AND json_type(d.metadata, :path) IN ('array', 'text') ORDER BY d.rowid`,
    );
    const found = statement.iterate({ path: `$.${JSON.stringify(key)}` });
    for (const { rowid, target } of found as IterableIterator<{ rowid: number; target: string }>) {
      yield { row: rowid - 1, target };
    }
  }

  /** `created_at`, or the value of `metadata.<key>`, of every row in row order; null where there is none. */
  *keys(of: string): Generator<{ readonly row: number; readonly key: unknown }> {
    const key = of === "created_at" ? "created_at" : "json_extract(metadata, ?)";
    const path = of === "created_at" ? [] : [`$.${JSON.stringify(of.slice("metadata.".length))}`];
    const statement = this.#db.prepare(`SELECT rowid, ${key} AS key FROM documents ORDER BY rowid`);
    for (const found of statement.iterate(...path) as IterableIterator<{ rowid: number; key: unknown }>) {
      yield { row: found.rowid - 1, key: found.key };
    }
  }

  /** Every cell, in order. */
  cells(): readonly { readonly rows: number; readonly spread: number; readonly centroid: Float32Array }[] {
    const found = this.#all("SELECT row_count AS rows, spread, centroid FROM cells ORDER BY cell") as {
      rows: number;
      spread: number;
      centroid: Uint8Array;
    }[];
    return found.map(({ rows, spread, centroid }) => ({ rows, spread, centroid: floatsOf(centroid) }));
  }

  /** What SQLite says of the file's structure: `ok`, or the first problems. */
  integrity(): string {
    const found = this.#db.pragma("integrity_check(10)") as readonly { integrity_check: string }[];
    return found.map((line) => line.integrity_check).join("; ");
  }

  #blob(sql: string, key: number, column: string): Uint8Array {
    return (this.#present(this.#get(sql, key)) as Record<string, Uint8Array>)[column] as Uint8Array;
  }

  #present(found: unknown): unknown {
    if (found !== undefined) return found;
    throw damaged("read shard", this.path, undefined);
  }

  #get(sql: string, ...parameters: readonly (string | number)[]): unknown {
    return this.#guarded(() => this.#prepared(sql).get(...parameters));
  }

  #all(sql: string, ...parameters: readonly (string | number)[]): unknown[] {
    return this.#guarded(() => this.#prepared(sql).all(...parameters));
  }

  #guarded<T>(task: () => T): T {
    try {
      return task();
    } catch (cause) {
      throw damaged("read shard", this.path, cause);
    }
  }

  #prepared(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function damaged(operation: string, path: string, cause: unknown): MosaicError {
  return new MosaicError("data", operation, {
    code: "shard_damaged",
    detail: "A shard file can't be read; its documents are missing from this answer.",
    key: path,
    hint: "run: mosaic verify",
    cause,
  });
}
