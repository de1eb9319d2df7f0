import { rmSync } from "node:fs";
import Database from "better-sqlite3";
import { MosaicError } from "../../base/index.ts";
import type { Expected, VerifiedFiles } from "./verified.ts";

/** Bumped when a reader of the old format would misread the new one. */
const ranksFormat = 1;

/** `row` is the rowid of `documents`; every row has a rank, dead ones too. */
const schema = `
CREATE TABLE shard(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE ranks(row INTEGER PRIMARY KEY, pagerank REAL NOT NULL)`;

/**
 * Writes the ranks of a shard's rows (row r is `values[r]`) beside it: a small SQLite file, which SQL attaches as it is,
 * index and all. Synchronous; for a worker thread.
 */
export function writeRanks(path: string, shard: string, values: Float64Array): void {
  rmSync(path, { force: true });
  const db = new Database(path);
  try {
    // The file is thrown away when anything fails, so SQLite need not protect it while it is built.
    db.pragma("page_size = 4096");
    db.pragma("journal_mode = OFF");
    db.pragma("synchronous = OFF");
    db.exec(schema);
    db.exec("BEGIN");
    const about = db.prepare("INSERT INTO shard VALUES (?, ?)");
    for (const [key, value] of Object.entries({ format: ranksFormat, shard })) about.run(key, value);
    const insert = db.prepare("INSERT INTO ranks VALUES (?, ?)");
    for (let row = 0; row < values.length; row++) insert.run(row + 1, values[row]);
    db.exec("CREATE INDEX ranks_pagerank ON ranks(pagerank DESC)");
    db.exec("COMMIT");
    db.exec("ANALYZE");
  } finally {
    db.close();
  }
}

/** Ranks that lie beside a shard, as a local file that was not looked at yet. */
export interface RanksFile {
  readonly shard: string;
  readonly path: string;
  readonly expected: Expected;
}

/** The rank of each row, after a look at the checksum; undefined when there are none beside the shard. */
export function checkedRanks(
  ranks: RanksFile | null,
  rows: number,
  verified: Pick<VerifiedFiles, "check">,
): Float64Array | undefined {
  if (ranks === null) return undefined;
  verified.check(ranks.path, ranks.expected);
  return readRanks(ranks.path, ranks.shard, rows);
}

/** The rank of each row. Throws `data` when they are not those of `rows` rows of this shard. */
export function readRanks(path: string, shard: string, rows: number): Float64Array {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      const about = new Map(db.prepare("SELECT key, value FROM shard").raw().all() as [string, unknown][]);
      const values = db.prepare("SELECT pagerank FROM ranks ORDER BY row").pluck().all() as number[];
      const last = db.prepare("SELECT max(row) FROM ranks").pluck().get();
      const sound = about.get("format") === ranksFormat && about.get("shard") === shard && values.length === rows;
      if (!sound || (rows > 0 && last !== rows)) throw new RangeError("not the ranks of this shard");
      return Float64Array.from(values);
    } finally {
      db.close();
    }
  } catch (cause) {
    throw new MosaicError("data", "read ranks", {
      code: "ranks_damaged",
      detail: "The ranks of a shard can't be read; its documents are missing from this answer.",
      key: path,
      hint: "run: mosaic verify",
      cause,
    });
  }
}
