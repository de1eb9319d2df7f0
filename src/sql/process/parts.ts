import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { quoteName } from "../language/print.ts";
import type { Connection } from "./connection.ts";
import type { RunLimits } from "./limits.ts";
import type { PartTable } from "./messages.ts";
import { fileUri } from "./uri.ts";

/**
 * Where leaves put what they find. In memory: one database that all connections of this process share, each under the name
 * `memory`; a table there is kept for the next statement whose part has the same columns, so that what was compiled against
 * it stays valid. In a file: for what may be large, and for another process to read.
 */
const pageBytes = 4096;

/** Attaches the shared memory. A statement that fails takes back what it has written there. */
export function attachMemory({ db }: Connection, { memoryPartMaxBytes }: RunLimits): void {
  db.exec("ATTACH 'file:/parts?vfs=memdb' AS memory");
  db.exec("PRAGMA memory.journal_mode = MEMORY; PRAGMA memory.synchronous = OFF");
  db.exec(`PRAGMA memory.max_page_count = ${Math.ceil(memoryPartMaxBytes / pageBytes)}`);
}

export const declared = (columns: PartTable["columns"]): string =>
  columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");

/** Tables in the shared memory, by their columns. */
export class MemoryTables {
  readonly #names = new Map<string, string>();
  #made = 0;

  /** An empty table for a part: its name within `memory`. */
  make({ db }: Connection, { columns }: PartTable): string {
    const text = declared(columns);
    if (this.#names.size >= mostTables && !this.#names.has(text)) this.#forget(db);
    // No name comes twice: a connection that knew the table by its old columns would refuse the new ones.
    const name = this.#names.get(text) ?? `t${this.#made++}`;
    this.#names.set(text, name);
    db.exec(`CREATE TABLE IF NOT EXISTS memory.${name}(${text}); DELETE FROM memory.${name}`);
    return name;
  }

  /** Gives back what a large part took. */
  clear({ db }: Connection, name: string): void {
    db.exec(`DELETE FROM memory.${name}`);
    if (pagesOf(db, "memory") > keptPages) db.exec("VACUUM memory");
  }

  #forget(db: Connection["db"]): void {
    for (const name of this.#names.values()) db.exec(`DROP TABLE IF EXISTS memory.${name}`);
    this.#names.clear();
  }
}

const mostTables = 100;
const keptPages = 1024;

export const usedBytes = ({ db }: Connection, schema: string): number => pagesOf(db, schema) * pageBytes;

function pagesOf(db: Connection["db"], schema: string): number {
  const [{ page_count: pages }] = db.prepare(`PRAGMA ${schema}.page_count`).all() as [{ page_count: number }];
  return pages;
}

/** Runs `task` while the file is attached as `part`, with the part's table in it. */
export function withPartFile<T>({ db }: Connection, part: PartTable, path: string, maxBytes: number, task: () => T): T {
  mkdirSync(dirname(path), { recursive: true });
  db.exec(`ATTACH ${fileUri(path, "mode=rwc")} AS part`);
  try {
    db.exec("PRAGMA part.journal_mode = MEMORY; PRAGMA part.synchronous = OFF; PRAGMA part.locking_mode = EXCLUSIVE");
    db.exec(`PRAGMA part.max_page_count = ${Math.max(8, Math.ceil(maxBytes / pageBytes))}`);
    db.exec(`CREATE TABLE IF NOT EXISTS part.${quoteName(part.name)}(${declared(part.columns)})`);
    return task();
  } finally {
    db.exec("DETACH part");
  }
}
