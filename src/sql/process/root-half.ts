import { documentsName } from "../language/documents.ts";
import { tooLarge } from "../language/errors.ts";
import { quoteName } from "../language/print.ts";
import type { SqlValue } from "../language/values.ts";
import { Connection } from "./connection.ts";
import { type LeafParts, leafInFile, leafInMemory } from "./leaf.ts";
import type { RunLimits } from "./limits.ts";
import type {
  FinalReply,
  FinalWork,
  GivenTable,
  LeafJob,
  LeafOutcome,
  LeafWork,
  PrepareJob,
  PrepareReply,
  WholeJob,
  WholeReply,
} from "./messages.ts";
import { attachMemory, declared, MemoryTables, withPartFile } from "./parts.ts";
import { fileUri } from "./uri.ts";

/**
 * The root's half of statements, on two connections that stay: one has every table empty, to say whether SQLite accepts a
 * statement; the other has what leaves have found. Whatever fails there takes its connection with it.
 */
export class RootHalf {
  readonly #limits: RunLimits;
  readonly #leaves: LeafParts;
  readonly #tables = new MemoryTables();
  #checker: Connection | undefined;
  #root: Connection | undefined;

  constructor(limits: RunLimits, leaves: LeafParts) {
    this.#limits = limits;
    this.#leaves = leaves;
  }

  prepare({ sql, tables }: PrepareJob): PrepareReply {
    this.#checker ??= new Connection(this.#limits);
    const connection = this.#checker;
    try {
      const reads = giveTables(connection, tables);
      const statement = connection.guarded({ reads, writes: new Set() }, () => connection.db.prepare(sql));
      const columns = statement.columns().map(({ name }) => name);
      takeTables(connection, tables);
      return { columns };
    } catch (error) {
      this.#checker = undefined;
      connection.close();
      throw error;
    }
  }

  /** Both halves, with as little as possible between them. */
  whole({ leaf, final }: WholeJob): WholeReply {
    const { part } = final;
    if (part === null) return { leaf: null, rows: this.#final(final, undefined) };
    if (leaf?.through === "file") return this.#throughFile(leaf, final);
    return this.#onRoot((connection) => {
      const table = this.#tables.make(connection, part);
      const outcome = leaf === null ? null : leafInMemory(leaf, this.#leaves, table);
      const rows = outcome === undefined ? [] : this.#final(final, `memory.${table}`);
      this.#tables.clear(connection, table);
      return outcome === undefined ? this.#throughFile(leaf as LeafWork, final) : { leaf: outcome, rows };
    });
  }

  /** The leaves' half for another process: what was small enough for memory is written to the file in one go. */
  leaf({ work }: LeafJob): LeafOutcome {
    const { part, path, maxBytes, through } = work;
    if (through === "file") return leafInFile(work, this.#leaves);
    return this.#onRoot((connection) => {
      const table = this.#tables.make(connection, part);
      const outcome = leafInMemory(work, this.#leaves, table);
      if (outcome !== undefined) {
        withPartFile(connection, part, path, maxBytes, () =>
          connection.db.exec(`INSERT INTO part.${quoteName(part.name)} SELECT * FROM memory.${table}`),
        );
      }
      this.#tables.clear(connection, table);
      return outcome === undefined ? leafInFile(work, this.#leaves) : { ...outcome, inFile: true };
    });
  }

  /** The root's half over the files of several processes: the rows of all of them come into the first. */
  final(work: FinalWork, paths: readonly string[]): FinalReply {
    const { part } = work;
    if (part === null) return { rows: this.#final(work, undefined) };
    return this.#onRoot(({ db }) => {
      const table = quoteName(part.name);
      paths.forEach((path, at) => {
        db.exec(`ATTACH ${fileUri(path, "mode=rw")} AS ${at === 0 ? "part" : "more"}`);
        if (at === 0) db.exec("PRAGMA part.journal_mode = OFF; PRAGMA part.synchronous = OFF");
        else db.exec(`INSERT INTO part.${table} SELECT * FROM more.${table}; DETACH more`);
      });
      const rows = this.#final(work, `part.${table}`);
      db.exec("DETACH part");
      return { rows };
    });
  }

  #throughFile(leaf: LeafWork, final: FinalWork): WholeReply {
    return { leaf: leafInFile(leaf, this.#leaves), ...this.final(final, [leaf.path]) };
  }

  #final(work: FinalWork, source: string | undefined): FinalReply["rows"] {
    const { part, known, tables, sql, values } = work;
    return this.#onRoot((connection) => {
      const { db } = connection;
      const reads = giveTables(connection, tables);
      if (part !== null && source !== undefined) {
        addRows(db, source, known);
        db.exec(`CREATE TEMP VIEW ${quoteName(part.name)} AS SELECT * FROM ${source}`);
        reads.add(`temp.${part.name}`).add(source.replaceAll('"', ""));
      }
      const statement = connection.guarded({ reads, writes: new Set() }, () => db.prepare(sql));
      statement.setReadBigInts(true);
      statement.setReturnArrays(true);
      statement.setAllowUnknownNamedParameters(true);
      const rows = collect(statement.iterate(values) as Iterable<unknown> as Iterable<SqlValue[]>, work);
      if (part !== null) db.exec(`DROP VIEW IF EXISTS temp.${quoteName(part.name)}`);
      takeTables(connection, tables);
      return rows;
    });
  }

  #onRoot<T>(task: (connection: Connection) => T): T {
    if (this.#root === undefined) {
      this.#root = new Connection(this.#limits);
      attachMemory(this.#root, this.#limits);
    }
    const connection = this.#root;
    try {
      return task(connection);
    } catch (error) {
      if (this.#root === connection) this.#root = undefined;
      if (connection.db.isOpen) connection.close();
      throw error;
    }
  }
}

function giveTables({ db }: Connection, tables: readonly GivenTable[]): Set<string> {
  for (const { name, columns, rows } of tables) {
    db.exec(`CREATE TEMP TABLE IF NOT EXISTS ${quoteName(name)}(${declared(columns)})`);
    addRows(db, `temp.${quoteName(name)}`, rows);
  }
  return new Set(tables.map(({ name }) => `temp.${name}`));
}

/** The documents' own table is the same for every check, and stays. */
function takeTables({ db }: Connection, tables: readonly GivenTable[]): void {
  for (const { name, rows } of tables) {
    if (rows.length > 0 || name !== documentsName) db.exec(`DROP TABLE temp.${quoteName(name)}`);
  }
}

function addRows(db: Connection["db"], table: string, rows: GivenTable["rows"]): void {
  const [first] = rows;
  if (first === undefined) return;
  const insert = db.prepare(`INSERT INTO ${table} VALUES (${first.map(() => "?").join(", ")})`);
  for (const row of rows) insert.run(...row);
}

function collect(found: Iterable<SqlValue[]>, { maxRows, maxBytes }: FinalWork): SqlValue[][] {
  const rows: SqlValue[][] = [];
  let bytes = 0;
  for (const row of found) {
    for (const value of row) bytes += sizeOf(value);
    if (rows.length === maxRows) throw tooLarge(`The answer has more than ${maxRows} rows; add a LIMIT.`);
    if (bytes > maxBytes) throw tooLarge(`The answer is larger than ${maxBytes} bytes; select less.`);
    rows.push(row);
  }
  return rows;
}

const sizeOf = (value: SqlValue): number =>
  typeof value === "string" ? value.length : value instanceof Uint8Array ? value.length : 8;
