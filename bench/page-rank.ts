/**
 * PageRank as a job: how long it takes, what memory it takes, and what a query by rank costs with ranks beside the shards and
 * with ranks merged into them.
 *
 *   npm run bench:page-rank               1,000,000 documents in 10 shards (about 15 minutes, 6 GB of disk)
 *   npm run bench:page-rank -- --quick    the data set once, in 7 shards
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { hasData } from "./data.ts";
import { makeCollection, scope } from "./text/collection.ts";
import { ms, timed } from "./timing.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const rounds = values.quick ? 5 : 11;
if (!hasData()) console.log("The real documents are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const { folder, engine } = await makeCollection({
  withVectors: false,
  settings: { shardMaxDocs: values.quick ? 10_000 : 100_000, shardMaxBytes: 2 ** 30, sqlTimeoutMs: 120_000 },
  ...(values.quick ? {} : { rows: 1_000_000 }),
});

const statements: readonly (readonly [string, string])[] = [
  ["ORDER BY rank LIMIT 10", "SELECT id, pagerank FROM documents ORDER BY pagerank DESC LIMIT 10"],
  [
    "of a section, by rank",
    "SELECT id, pagerank FROM documents WHERE metadata->>'section' = 'games' ORDER BY pagerank DESC LIMIT 10",
  ],
  [
    "avg rank by section",
    "SELECT metadata->>'section' AS s, count(*), avg(pagerank) FROM documents GROUP BY s ORDER BY 3 DESC, 1",
  ],
  [
    "without rank: count by section",
    "SELECT metadata->>'section' AS s, count(*) FROM documents GROUP BY s ORDER BY 2, 1",
  ],
];

async function measured(): Promise<Map<string, number>> {
  const medians = new Map<string, number>();
  for (const [name, sql] of statements) {
    await engine.sql(scope, { sql, timeout_ms: 120_000 });
    const { p50Ms } = await timed(rounds, () => engine.sql(scope, { sql, timeout_ms: 120_000 }));
    medians.set(name, p50Ms);
  }
  return medians;
}

const residentMiB = (): number => process.memoryUsage().rss / 2 ** 20;
const before = residentMiB();
let peak = before;
const watch = setInterval(() => {
  peak = Math.max(peak, residentMiB());
}, 50);
const startedMs = performance.now();
const begun = await engine.computePageRank(scope);
await engine.jobEnded(begun.id);
const seconds = (performance.now() - startedMs) / 1000;
clearInterval(watch);
const { status, result } = await engine.job(scope.tenant, begun.id);
const [documents = 0, links = 0, iterations = 0] = [result?.["documents"], result?.["links"], result?.["iterations"]];
const { shards } = await engine.stats(scope);
const count = (value: number): string => value.toLocaleString("en");
console.log(`${status}: ${count(documents)} documents in ${shards.length} shards, ${count(links)} links`);
console.log(
  `${iterations} iterations, ${seconds.toFixed(1)} s, ${(peak - before).toFixed(0)} MiB of memory more than before at most (${peak.toFixed(0)} MiB in all, mapped files included)`,
);

const beside = await measured();
await engine.jobEnded((await engine.compact(scope)).id);
const merged = await measured();
console.log(`${`median of ${rounds}`.padEnd(34)}beside ms  merged ms  times`);
for (const [name] of statements) {
  const [a, b] = [beside.get(name) ?? 0, merged.get(name) ?? 0];
  console.log(`${name.padEnd(34)}${ms(a)}  ${ms(b)}  ${(a / b).toFixed(2).padStart(5)}`);
}
await engine.close();
rmSync(folder, { recursive: true, force: true });
