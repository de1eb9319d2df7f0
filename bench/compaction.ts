/**
 * Compaction of many shards that were folded one by one: what it costs, and what routing gains from it.
 *
 *   npm run bench:compaction               1,000,000 rows into 10 shards (about 25 minutes, 15 GB of disk)
 *   npm run bench:compaction -- --quick    63,466 rows into 7 shards
 *   npm run bench:compaction -- --rows 250000 --keep /tmp/bench
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { CompactionFigures } from "./compaction/compact.ts";
import { routing } from "./compaction/routing.ts";
import { hasData } from "./data.ts";
import type { BaselineFigures } from "./vector/baseline.ts";
import type { IngestFigures } from "./vector/ingest.ts";
import { type BenchInput, prepare } from "./vector/input.ts";
import type { SearchFigures } from "./vector/search.ts";
import { runStage } from "./vector/stage.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, rows: { type: "string" }, keep: { type: "string" } },
});

async function measure(rows: number, folder: string): Promise<void> {
  const input: BenchInput = { folder, rows, queries: 200 };
  // Rotation by documents alone: 100,000 of them would pass the default of 256 MiB.
  const env = { SHARD_MAX_DOCS: String(rows >= 1_000_000 ? 100_000 : 10_000), SHARD_MAX_BYTES: String(2 ** 29) };
  console.log(`${rows.toLocaleString("en")} documents, 384 dimensions, 200 held-out queries, limit 10`);
  if (!existsSync(join(folder, "vectors.f32"))) prepare(input);
  if (!existsSync(join(folder, "truth.json")))
    await runStage<BaselineFigures>("./baseline.ts", { ...input, distanceQueries: 1 });
  rmSync(join(folder, "baseline.db"), { force: true });
  if (!existsSync(join(folder, "storage"))) {
    const ingest = await runStage<IngestFigures>("./ingest.ts", input, env);
    console.log(`ingest ${ingest.foldedPerSecond.toFixed(0)} documents/s into ${ingest.shards} shards`);
  }
  await report("before", input);
  const work = mkdtempSync(join(folder, "work-"));
  const figures = await runStage<CompactionFigures>("../compaction/compact.ts", input, { ...env, TMPDIR: work });
  const { seconds, peakMiB, peakDiskMiB, shardsBefore, shards, bytesPerDocument } = figures;
  console.log(
    `compaction of ${shardsBefore} shards into ${shards}: ${seconds.toFixed(0)} s (${(rows / seconds).toFixed(0)} documents/s), ` +
      `peak ${peakMiB.toFixed(0)} MiB of memory and ${peakDiskMiB.toFixed(0)} MiB of temporary disk; ` +
      `${bytesPerDocument.toFixed(0)} bytes a document`,
  );
  await report("after", input);
}

async function report(when: string, input: BenchInput): Promise<void> {
  for (const { recall, cells, shards, shareOfRows } of routing(input.folder)) {
    console.log(
      `${when.padEnd(7)} ${recall.toFixed(2)} of the true ten lie in the first ${cells.toFixed(0)} cells ` +
        `(${(100 * shareOfRows).toFixed(1)} % of the rows) of ${shards.toFixed(1)} shards`,
    );
  }
  for (const recall of ["fast", "balanced"] as const) {
    const figures = await runStage<SearchFigures>("./search.ts", {
      ...input,
      recall,
      consistency: "strong",
      rounds: 3,
    });
    const { recallAt10, one, rowsScanned } = figures;
    console.log(
      `${when.padEnd(7)} ${recall.padEnd(9)} recall@10 ${recallAt10.toFixed(4)}, p50 ${one.p50Ms.toFixed(2)} ms, ` +
        `p99 ${one.p99Ms.toFixed(2)} ms, ${rowsScanned.toFixed(0)} rows scanned`,
    );
  }
}

if (!hasData()) console.log("The real vectors are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const quickRows = hasData() ? 63_466 : 19_800;
const rows = values.rows !== undefined ? Number(values.rows) : values.quick ? quickRows : 1_000_000;
const folder = values.keep ?? mkdtempSync(join(tmpdir(), "mosaic-bench-"));
await measure(rows, folder);
if (values.keep === undefined) rmSync(folder, { recursive: true });
