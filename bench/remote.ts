/**
 * Queries over a bucket, with nothing here: an S3 server behind 30 ms a request and 90 MB/s a connection.
 *
 *   npm run bench:remote                              200,000 documents (about 2 minutes)
 *   npm run bench:remote -- --quick                   19,000, few runs
 *   npm run bench:remote -- --rows 1000000 --keep /tmp/bench     (about 8 minutes, 10 GB of disk)
 *
 * The collection is ingested into a folder and compacted; a folder that was kept is used again. Each query is asked by an
 * engine that has neither manifest nor cache, in a process whose code has run before.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasData } from "./data.ts";
import type { ColdFigures, ColdInput } from "./remote/cold-search.ts";
import { startSlowS3 } from "./remote/start-slow-s3.ts";
import type { BaselineFigures } from "./vector/baseline.ts";
import type { IngestFigures } from "./vector/ingest.ts";
import { type BenchInput, prepare } from "./vector/input.ts";
import { runStage } from "./vector/stage.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, rows: { type: "string" }, keep: { type: "string" } },
});
const rows = Number(values.rows ?? (values.quick ? 19_000 : 200_000));
const runs = values.quick ? 4 : 24;

/** A bucket has no use for them, but the SDK asks. */
const credentials = { AWS_ACCESS_KEY_ID: "none", AWS_SECRET_ACCESS_KEY: "none", AWS_REGION: "us-east-1" };

async function make(input: BenchInput): Promise<void> {
  const limits = { SHARD_MAX_DOCS: "100000", SHARD_MAX_BYTES: String(512 * 1024 * 1024) };
  if (!existsSync(join(input.folder, "vectors.f32"))) prepare(input);
  if (!existsSync(join(input.folder, "storage"))) {
    await runStage<IngestFigures>("./ingest.ts", input, limits);
    await runStage("../remote/compact.ts", input, limits);
  }
  if (!existsSync(join(input.folder, "truth.json")))
    await runStage<BaselineFigures>("./baseline.ts", { ...input, distanceQueries: 1 });
}

function line(name: string, { p50Ms, p90Ms, rounds, requests, megabytes, recallAt10 }: ColdFigures): string {
  const cells = [
    p50Ms.toFixed(0).padStart(7),
    p90Ms.toFixed(0).padStart(7),
    String(rounds).padStart(7),
    requests.toFixed(0).padStart(9),
    megabytes.toFixed(2).padStart(7),
    recallAt10.toFixed(4).padStart(10),
  ];
  return `${name.padEnd(34)}${cells.join("")}`;
}

async function measure(folder: string): Promise<void> {
  const input: BenchInput = { folder, rows, queries: 200 };
  await make(input);
  const { endpoint, stop } = await startSlowS3({
    folder: join(folder, "storage"),
    firstByteMs: 30,
    bytesPerSecond: 90_000_000,
  });
  console.log(
    `${rows.toLocaleString("en")} documents, 384 dimensions, compacted; 30 ms a request, 90 MB/s a connection`,
  );
  console.log(`${"".padEnd(34)} p50 ms p90 ms rounds requests     MB recall@10`);
  const cases = [
    ["nothing here, fast", { what: "search", recall: "fast" }],
    ["nothing here, balanced", { what: "search", recall: "balanced" }],
    ["after another query, balanced", { what: "again", recall: "balanced" }],
    ["nothing here, a document by id", { what: "get", recall: "balanced" }],
  ] as const;
  for (const [name, what] of cases) {
    const cold: ColdInput = { ...input, endpoint, runs, ...what };
    console.log(line(name, await runStage<ColdFigures>("../remote/cold-search.ts", cold, credentials)));
  }
  await stop();
}

if (!hasData()) console.log("The real vectors are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "mosaic-bench-"));
await measure(folder);
if (values.keep === undefined) rmSync(folder, { recursive: true });
