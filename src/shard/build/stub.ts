import { rmSync } from "node:fs";
import Database from "better-sqlite3";
import { ShardFile } from "../file/reader.ts";
import { countedRows, pageSizeBytes, shardFormat, stubTables } from "../file/schema.ts";

/**
 * Writes what folds and statistics need of a shard whose file can't be read: ids with their rows, and for every term the
 * rows that hold it, so that a row which dies can be taken out of the statistics. `ShardFile` reads it: `rowOf`, `ids`,
 * `terms`, `postings` and `lengths` answer as they do over the whole file. Synchronous; for a worker thread.
 */
export function writeStub(from: string, to: string, shard: string, documents: number): void {
  const file = ShardFile.open(from);
  const db = new Database(`${to}.build`);
  try {
    db.pragma(`page_size = ${pageSizeBytes(documents)}`);
    db.pragma("journal_mode = OFF");
    db.pragma("synchronous = OFF");
    db.exec(stubTables);
    db.exec("BEGIN");
    fill(db, file);
    const about = db.prepare("INSERT INTO shard(key, value) VALUES (?, ?)");
    for (const [key, value] of Object.entries({ format: shardFormat, shard, kind: "stub", writer: "mosaic" }))
      about.run(key, value);
    db.exec("COMMIT");
    db.prepare("VACUUM INTO ?").run(to);
  } finally {
    file.close();
    db.close();
    rmSync(`${to}.build`, { force: true });
  }
}

function fill(db: Database.Database, file: ShardFile): void {
  const document = db.prepare("INSERT INTO documents(id, rowid) VALUES (?, ?)");
  for (const { id, row } of file.ids()) document.run(id, row + 1);
  const insert = db.prepare("INSERT INTO terms(number, term, documents, postings) VALUES (?, ?, ?, ?)");
  let number = 0;
  for (const { term, documents, postings } of file.termLists()) insert.run(++number, term, documents, postings);
  const counts = db.prepare("INSERT INTO row_terms(number, counts) VALUES (?, ?)");
  const lengths = file.lengths();
  for (let first = 0; first < lengths.length; first += countedRows) {
    const part = lengths.subarray(first, first + countedRows);
    counts.run(first / countedRows + 1, new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
}
