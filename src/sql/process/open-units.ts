import { readFileSync } from "node:fs";
import { LRUCache } from "lru-cache";
import { MosaicError, sha256 } from "../../base/index.ts";
import { DeadRows, VerifiedFiles } from "../../shard/index.ts";
import { columnNames, documentColumns } from "../language/documents.ts";
import { Connection } from "./connection.ts";
import type { RunLimits } from "./limits.ts";
import type { FileRef, RowsUnit, ShardUnit, Unit } from "./messages.ts";
import { attachMemory } from "./parts.ts";
import { fileUri } from "./uri.ts";

const columns = columnNames.join(", ");
const fileTable = "shard.documents";
/** `documents` with the ranks that lie beside the file; SQLite may begin with either of the two. */
const rankedColumns = columnNames.map((name) => `${name === "pagerank" ? "r" : "d"}.${name} AS ${name}`).join(", ");
const rankedTables = "shard.documents d JOIN ranks.ranks r ON r.row = d.rowid";
const rankedTable = `(SELECT d.rowid AS rowid, ${rankedColumns} FROM ${rankedTables})`;

/** Written where the view says it: SQLite then puts the view's text in the statement's place, indexes and all. */
const viewOf = (selected: string): string =>
  `DROP VIEW IF EXISTS temp.documents; CREATE TEMP VIEW documents AS SELECT ${selected}`;

/** A shard's connection: `documents` shows its live rows. */
class OpenShard {
  readonly connection: Connection;
  #shown = "";
  #ranks: string | undefined;

  constructor(path: string, limits: RunLimits) {
    this.connection = new Connection(limits);
    const { db } = this.connection;
    // Shards never change, so no lock is needed: `immutable`.
    db.exec(`ATTACH ${fileUri(path, "mode=ro&immutable=1")} AS shard`);
    db.exec("PRAGMA shard.mmap_size = 268435456");
    db.exec("CREATE TEMP TABLE dead(row INTEGER PRIMARY KEY)");
    db.exec(viewOf(`${columns} FROM ${fileTable}`));
    attachMemory(this.connection, limits);
  }

  /** Hides dead and outdated rows from now on, and shows the ranks that lie beside the file, if they are wanted. */
  show({ deletes, ranks, excluded }: ShardUnit, verified: VerifiedFiles): void {
    const key = JSON.stringify([deletes?.key, ranks?.key, excluded]);
    const isPlain = deletes === null && ranks === null && excluded.length === 0;
    if (key === this.#shown || (this.#shown === "" && isPlain)) return;
    if (ranks !== null) this.#attach(ranks, verified);
    this.#shown = key;
    const { db } = this.connection;
    db.exec("DELETE FROM temp.dead");
    const insert = db.prepare("INSERT OR IGNORE INTO temp.dead VALUES (?)");
    if (deletes !== null) for (const row of rowsOf(deletes)) insert.run(row);
    db.prepare(
      "INSERT OR IGNORE INTO temp.dead SELECT rowid FROM shard.documents WHERE id IN (SELECT value FROM json_each(?))",
    ).run(JSON.stringify(excluded));
    const [{ count }] = db.prepare("SELECT count(*) AS count FROM temp.dead").all() as [{ count: number }];
    const some = count === 0 ? "" : " WHERE d.rowid NOT IN (SELECT row FROM temp.dead)";
    db.exec(
      viewOf(ranks === null ? `${columns} FROM ${fileTable} d${some}` : `${rankedColumns} FROM ${rankedTables}${some}`),
    );
  }

  /** The table of all rows, dead ones included, with the ranks that count. */
  table({ ranks }: ShardUnit, verified: VerifiedFiles): string {
    if (ranks === null) return fileTable;
    this.#attach(ranks, verified);
    return rankedTable;
  }

  #attach(ranks: FileRef, verified: VerifiedFiles): void {
    if (this.#ranks === ranks.key) return;
    const { db } = this.connection;
    verified.check(ranks.path, ranks);
    // The view names what is going to be detached.
    if (this.#ranks !== undefined) db.exec(`${viewOf(`${columns} FROM ${fileTable}`)}; DETACH ranks`);
    this.#ranks = undefined;
    this.#shown = "?";
    db.exec(`ATTACH ${fileUri(ranks.path, "mode=ro&immutable=1")} AS ranks`);
    this.#ranks = ranks.key;
  }
}

function* rowsOf(ref: FileRef): Generator<number> {
  const bytes = readFileSync(ref.path);
  if (sha256(bytes) !== ref.sha256) {
    throw new MosaicError("data", "read deletes", {
      code: "deletes_damaged",
      key: ref.key,
      hint: "run: mosaic verify",
    });
  }
  const dead = DeadRows.decode(bytes, ref.key);
  for (let row = 0; row < dead.rows; row++) if (dead.isDead(row)) yield row + 1;
}

/** The shards that a process has open; a connection is a few hundred KB. */
export class OpenUnits {
  readonly #limits: RunLimits;
  readonly #verified: VerifiedFiles;
  readonly #open: LRUCache<string, OpenShard>;
  #rows: Connection | undefined;

  constructor(limits: RunLimits, verifiedFolder: string, max: number) {
    this.#limits = limits;
    this.#verified = new VerifiedFiles(verifiedFolder);
    this.#open = new LRUCache({ max, dispose: ({ connection }) => connection.close() });
  }

  /** Runs `task` on the unit's connection, where `documents` holds its live rows and nothing else. */
  use<T>(unit: Unit, task: (connection: Connection) => T): T {
    if (unit.kind === "rows") return this.#useRows(unit, task);
    const shard = this.#shard(unit.file);
    try {
      shard.show(unit, this.#verified);
      return task(shard.connection);
    } catch (error) {
      this.#open.delete(unit.file.key);
      throw error;
    }
  }

  /** Runs `task` on the unit's connection, whatever `documents` shows there at the moment; told the table of its rows. */
  useFile<T>(unit: Unit, task: (connection: Connection, table: string) => T): T {
    if (unit.kind === "rows") return this.#useRows(unit, (connection) => task(connection, "main.rows"));
    try {
      const shard = this.#shard(unit.file);
      return task(shard.connection, shard.table(unit, this.#verified));
    } catch (error) {
      this.#open.delete(unit.file.key);
      throw error;
    }
  }

  #shard(file: FileRef): OpenShard {
    const known = this.#open.get(file.key);
    if (known !== undefined) return known;
    this.#verified.check(file.path, file);
    const opened = new OpenShard(file.path, this.#limits);
    this.#open.set(file.key, opened);
    return opened;
  }

  #useRows<T>({ rows }: RowsUnit, task: (connection: Connection) => T): T {
    this.#rows ??= connectionForRows(this.#limits);
    const connection = this.#rows;
    try {
      fill(connection, rows);
      return task(connection);
    } catch (error) {
      this.#rows = undefined;
      connection.close();
      throw error;
    }
  }
}

const stored = columnNames.filter((name) => name !== "word_count");

/** Words are counted as in a shard: the column is generated there, and here. */
function connectionForRows(limits: RunLimits): Connection {
  const connection = new Connection(limits);
  const { db } = connection;
  const declared = stored.map((name) => `${name} ${documentColumns[name]}`).join(", ");
  db.exec(`CREATE TABLE rows(${declared},
    word_count INTEGER GENERATED ALWAYS AS (length(text) - length(replace(text, ' ', '')) + 1) STORED)`);
  db.exec(viewOf(`${columns} FROM main.rows`));
  attachMemory(connection, limits);
  return connection;
}

function fill({ db }: Connection, rows: RowsUnit["rows"]): void {
  db.exec("BEGIN; DELETE FROM rows");
  const insert = db.prepare(`INSERT INTO rows(${stored.join(", ")}) VALUES (${stored.map(() => "?").join(", ")})`);
  for (const row of rows) insert.run(...row);
  db.exec("COMMIT");
}

/** What a statement may read on such a connection. */
export const unitReads: ReadonlySet<string> = new Set([
  "shard.documents",
  "ranks.ranks",
  "temp.documents",
  "temp.dead",
  "main.rows",
]);
