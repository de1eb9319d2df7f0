/**
 * The index of terms beside FTS5 on the same documents, the same queries, in the same run.
 *
 *   npm run bench:text               63,666 documents, 500 queries of six words
 *   npm run bench:text -- --quick    100 queries
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Database from "better-sqlite3";
import { seededRandom } from "../src/base/index.ts";
import { Analyzer } from "../src/text/index.ts";
import { hasData } from "./data.ts";
import { makeCollection, scope } from "./text/collection.ts";
import { ms, timed } from "./timing.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const count = values.quick ? 100 : 500;
const wordsOfQuery = 6;

if (!hasData()) console.log("The real documents are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const { folder, engine, documents } = await makeCollection({ withVectors: false });

/** Six words that follow each other in a description, as somebody might type them: common ones among them. */
function queries(): readonly string[] {
  const random = seededRandom(1);
  const found: string[] = [];
  while (found.length < count) {
    const text = documents[Math.floor(random() * documents.length)]?.text ?? "";
    const words = text.toLowerCase().match(/\b[a-z]{2,}\b/g) ?? [];
    const from = Math.floor(random() * Math.max(0, words.length - wordsOfQuery));
    const query = [...new Set(words.slice(from, from + wordsOfQuery))];
    if (query.length === wordsOfQuery) found.push(query.join(" "));
  }
  return found;
}

const asked = queries();
const db = new Database(join(folder, "fts.db"));
db.exec("CREATE VIRTUAL TABLE fts USING fts5(text, content='', tokenize='porter unicode61')");
const insert = db.prepare("INSERT INTO fts(rowid, text) VALUES (?, ?)");
db.transaction(() => documents.forEach(({ text }, at) => insert.run(at + 1, text)))();
db.exec("INSERT INTO fts(fts) VALUES ('optimize')");
const match = db.prepare("SELECT rowid, bm25(fts) FROM fts WHERE fts MATCH ? ORDER BY bm25(fts) LIMIT 10");

const ranker = { scorers: [{ name: "bm25" }], fusion: "max" } as const;
const search = (query: string): Promise<unknown> => engine.hybrid(scope, { query, limit: 10, include: [], ranker });
for (const query of asked) await search(query);
for (const query of asked.slice(0, 20)) match.all(query.split(" ").join(" OR "));

const mosaic = await timed(count, (at) => search(asked[at] as string));
const fts = await timed(count, (at) => match.all((asked[at] as string).split(" ").join(" OR ")));
const { bytes } = await engine.stats(scope);
console.log(
  `${documents.length.toLocaleString("en")} documents, ${count} queries of ${wordsOfQuery} words, top 10; ${(bytes / documents.length).toFixed(0)} bytes a document`,
);
console.log(`${"".padEnd(16)}   p50 ms    p99 ms`);
console.log(`${"mosaic, BM25".padEnd(16)}${ms(mosaic.p50Ms)} ${ms(mosaic.p99Ms)}`);
console.log(`${"FTS5, bm25()".padEnd(16)}${ms(fts.p50Ms)} ${ms(fts.p99Ms)}`);
console.log(
  `FTS5 takes ${(fts.p50Ms / mosaic.p50Ms).toFixed(1)} times as long at p50, ${(fts.p99Ms / mosaic.p99Ms).toFixed(1)} at p99`,
);

const analyzer = Analyzer.of("english");
const startedMs = performance.now();
let terms = 0;
for (const { text } of documents) terms += analyzer.terms(text).length;
console.log(`terms are found at ${(terms / (performance.now() - startedMs) / 1000).toFixed(1)} million a second`);
await engine.close();
db.close();
rmSync(folder, { recursive: true });
