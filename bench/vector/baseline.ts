import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { load } from "sqlite-vec";
import { type BenchInput, batches, readQueries } from "./input.ts";
import { type Latency, latencyOf } from "./measure.ts";
import { stage } from "./stage.ts";

export interface BaselineFigures {
  readonly vec0: Latency;
  readonly vec0BytesPerDocument: number;
  /** `ORDER BY vec_distance_cosine(embedding, ?) LIMIT 10` over a plain table. */
  readonly distance: Latency;
}

export interface BaselineInput extends BenchInput {
  /** The full scans of a table are slow; fewer are enough for a median. */
  readonly distanceQueries: number;
}

/** sqlite-vec's own exact search: the truth for recall, and what a user without Mosaic has. */
await stage<BaselineInput>(async (input): Promise<BaselineFigures> => {
  const path = join(input.folder, "baseline.db");
  rmSync(path, { force: true });
  const db = new Database(path);
  load(db);
  build(db, input);
  const queries = readQueries(input.folder).map((query) =>
    Buffer.from(query.buffer, query.byteOffset, query.byteLength),
  );
  const knn = db.prepare("SELECT rowid FROM vectors WHERE embedding MATCH ? AND k = 10 ORDER BY distance");
  const idOf = db.prepare("SELECT id FROM documents WHERE rowid = ?").pluck();
  const truth: string[][] = [];
  knn.all(queries[0]);
  const vec0 = await latencyOf(1, queries.length, (at) => {
    truth[at] = (knn.all(queries[at]) as { rowid: number }[]).map(({ rowid }) => idOf.get(rowid) as string);
  });
  writeFileSync(join(input.folder, "truth.json"), JSON.stringify(truth));
  const sorted = db.prepare("SELECT id FROM documents ORDER BY vec_distance_cosine(embedding, ?) LIMIT 10");
  const distance = await latencyOf(1, input.distanceQueries, (at) => sorted.all(queries[at]));
  const bytes = db.prepare("SELECT sum(pgsize) FROM dbstat").pluck().get() as number;
  db.close();
  return { vec0, vec0BytesPerDocument: bytes / input.rows, distance };
});

function build(db: Database.Database, input: BenchInput): void {
  db.pragma("journal_mode = OFF");
  db.pragma("synchronous = OFF");
  db.pragma("mmap_size = 8589934592");
  db.exec("CREATE TABLE documents(id TEXT PRIMARY KEY, text TEXT, metadata TEXT, embedding BLOB)");
  db.exec("CREATE VIRTUAL TABLE vectors USING vec0(embedding float[384] distance_metric=cosine)");
  const document = db.prepare("INSERT INTO documents(rowid, id, text, metadata, embedding) VALUES (?,?,?,?,?)");
  const vector = db.prepare("INSERT INTO vectors(rowid, embedding) VALUES (?,?)");
  let rowid = 0;
  for (const batch of batches(input, 10_000)) {
    db.exec("BEGIN");
    for (const { id, text, metadata, embedding } of batch) {
      const bytes = Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength);
      rowid++;
      document.run(rowid, id, text, JSON.stringify(metadata), bytes);
      vector.run(BigInt(rowid), bytes);
    }
    db.exec("COMMIT");
  }
}
