/**
 * SQL over shards beside one SQLite file with the same rows and the same indexes.
 *
 *   npm run bench:sql               1,000,000 documents in 10 shards (about 8 minutes, 6 GB of disk)
 *   npm run bench:sql -- --quick    the data set once, in 7 shards
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Database from "better-sqlite3";
import { hasData } from "./data.ts";
import { makeCollection, scope } from "./text/collection.ts";
import { ms, timed } from "./timing.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const rows = values.quick ? undefined : 1_000_000;
const rounds = values.quick ? 5 : 11;

if (!hasData()) console.log("The real documents are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const shardMaxDocs = values.quick ? 10_000 : 100_000;
const { folder, engine, documents } = await makeCollection({
  withVectors: false,
  // One fold at the end: as many shards as the rows fill.
  settings: {
    shardMaxDocs,
    shardMaxBytes: 2 ** 30,
    sqlTimeoutMs: 120_000,
    foldBytes: 2 ** 31,
    foldSegments: 1_000_000,
  },
  ...(rows === undefined ? {} : { rows }),
  more: (row) => ({ n: row }),
});

const db = new Database(join(folder, "one.db"));
db.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
  CREATE TABLE documents(id TEXT PRIMARY KEY, text TEXT NOT NULL, metadata JSON, created_at TEXT, pagerank REAL DEFAULT 0.0,
    word_count INTEGER GENERATED ALWAYS AS (length(text) - length(replace(text, ' ', '')) + 1) STORED)`);
const insert = db.prepare("INSERT INTO documents(id, text, metadata, created_at) VALUES (?,?,?,?)");
const at = "2026-01-01 00:00:00.000";
db.transaction(() => {
  for (const { id, text, metadata } of documents) insert.run(id, text, JSON.stringify(metadata), at);
})();
const keys = Object.entries(documents[0]?.metadata ?? {}).filter(([, value]) => typeof value !== "object");
for (const [key] of keys) db.exec(`CREATE INDEX "m_${key}" ON documents(metadata->>'${key}')`);
db.exec("CREATE INDEX c ON documents(created_at); CREATE INDEX p ON documents(pagerank DESC); ANALYZE; VACUUM");

const statements: readonly (readonly [string, string])[] = [
  [
    "GROUP BY, count, avg",
    "SELECT metadata->>'section' AS s, count(*), avg(metadata->>'installed_size') FROM documents GROUP BY s ORDER BY 2 DESC, 1",
  ],
  ["filter by key, count", "SELECT count(*) FROM documents WHERE metadata->>'section' = 'games'"],
  ["filter by range, sum", "SELECT sum(word_count) FROM documents WHERE metadata->>'n' BETWEEN 1000 AND 20000"],
  ["ORDER BY key LIMIT 10", "SELECT id FROM documents ORDER BY metadata->>'n' DESC LIMIT 10"],
  ["ORDER BY length LIMIT 10", "SELECT id, length(text) FROM documents ORDER BY length(text) DESC, id LIMIT 10"],
  ["LIKE over all texts", "SELECT count(*) FROM documents WHERE text LIKE '%image editor%'"],
  ["count(DISTINCT)", "SELECT count(DISTINCT metadata->>'section') FROM documents"],
  ["by id", "SELECT text FROM documents WHERE id = 'gimp'"],
];
const { shards } = await engine.stats(scope);
console.log(
  `${documents.length.toLocaleString("en")} documents in ${shards.length} shards; one SQLite file with the same indexes; median of ${rounds}`,
);
console.log(`${"".padEnd(26)}mosaic ms   file ms  times the file`);
for (const [name, sql] of statements) {
  const one = db.prepare(sql).raw();
  const answer = await engine.sql(scope, { sql, timeout_ms: 120_000 });
  if (JSON.stringify(answer.rows) !== JSON.stringify(one.all())) console.log(`${name}: the answers differ`);
  const mosaic = await timed(rounds, () => engine.sql(scope, { sql, timeout_ms: 120_000 }));
  const file = await timed(rounds, () => one.all());
  console.log(
    `${name.padEnd(26)}${ms(mosaic.p50Ms)} ${ms(file.p50Ms)}  ${(mosaic.p50Ms / file.p50Ms).toFixed(2).padStart(8)}`,
  );
}
await engine.close();
db.close();
rmSync(folder, { recursive: true });
