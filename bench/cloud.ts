/**
 * Functions and queries in the local cloud: how long functions take to start, and what a search costs, cold and warm, over 1,
 * 10 and 50 shards, with S3 behind 30 ms a request and 90 MB/s a connection.
 *
 *   npm run bench:cloud                  51,200 real vectors (about 8 minutes)
 *   npm run bench:cloud -- --quick       5,120, fewer runs
 *   npm run bench:cloud -- --rows 10000 --runs 6      fewer documents and runs (about a minute)
 *   npm run bench:cloud -- --keep DIR    the collections are made in DIR, or taken from there
 *
 * All processes share this machine's processors: a fan-out over more functions than it has cores shows that they all answer,
 * not how fast Lambda would be.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildForThisMachine } from "../infra/local/packages.ts";
import { makeCollections } from "./cloud/collections.ts";
import { measureFanOut, measureShards } from "./cloud/queries.ts";
import { measureStarts } from "./cloud/starts.ts";
import { hasData } from "./data.ts";
import { startSlowS3 } from "./remote/start-slow-s3.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rows: { type: "string" },
    runs: { type: "string" },
    keep: { type: "string" },
  },
});

async function measure(folder: string): Promise<void> {
  const rows = Number(values.rows ?? (values.quick ? 5_120 : 51_200));
  const shardCounts = values.quick ? [1, 10] : [1, 10, 50];
  const functions = values.quick ? [1, 4] : [1, 2, 4, 8, 50];
  const runs = Number(values.runs ?? (values.quick ? 3 : 15));
  const into = join(folder, `functions-${process.pid}`);
  const folders = await buildForThisMachine(into);
  const storage = join(folder, "storage");
  await makeCollections({ storage, rows, shardCounts });
  const s3 = await startSlowS3({ folder: storage, firstByteMs: 30, bytesPerSecond: 90_000_000 });
  try {
    await measureStarts({ folders, s3, runs: Math.min(runs, 10) });
    await measureShards({ folders, s3, rows, shardCounts, runs });
    await measureFanOut({ folders, s3, shards: shardCounts.at(-1) ?? 1, functions, runs });
  } finally {
    await s3.stop();
    rmSync(into, { recursive: true, force: true });
  }
}

if (!hasData()) console.log("skipped: the real data set is not beside this checkout");
else if (values.keep !== undefined) await measure(values.keep);
else {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-bench-cloud-"));
  try {
    await measure(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
