import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectionName, settingsFrom, tenantName } from "../../src/base/index.ts";
import { Mosaic, type Recall } from "../../src/engine/index.ts";
import { type BenchInput, readQueries } from "../vector/input.ts";
import { percentile, recallOf } from "../vector/measure.ts";
import { stage } from "../vector/stage.ts";
import type { SlowS3Counts } from "./slow-s3.ts";

export interface ColdInput extends BenchInput {
  readonly endpoint: string;
  readonly recall: Recall;
  /** Queries asked, each by an engine that has nothing. */
  readonly runs: number;
  readonly what: "search" | "get" | "again";
}

export interface ColdFigures {
  readonly p50Ms: number;
  readonly p90Ms: number;
  /** Means of a query, as the server counted them; rounds: the most. */
  readonly requests: number;
  readonly megabytes: number;
  readonly rounds: number;
  readonly recallAt10: number;
  readonly kinds: Readonly<Record<string, { readonly requests: number; readonly bytes: number }>>;
}

const scope = { tenant: tenantName("default"), collection: collectionName("documents") };

async function open(endpoint: string, cachePath: string): Promise<Mosaic> {
  const settings = { storagePath: "s3://bucket", s3Endpoint: endpoint, cachePath, embeddingModel: "none" };
  const engine = await Mosaic.open(settingsFrom(settings));
  // As a server does before it listens: threads are up when the first query comes.
  await engine.warm();
  return engine;
}

await stage<ColdInput>(async (input): Promise<ColdFigures> => {
  const { endpoint, runs, recall, what } = input;
  const queries = readQueries(input.folder);
  const truth = JSON.parse(readFileSync(join(input.folder, "truth.json"), "utf8")) as string[][];
  const counted = async () => (await (await fetch(`${endpoint}/__reset`)).json()) as SlowS3Counts;
  const [ms, all, found, wanted]: [number[], SlowS3Counts[], string[][], string[][]] = [[], [], [], []];
  // The first one also pays for compiling the code, once a process.
  for (let run = -3; run < runs; run++) {
    const at = ((run + queries.length) * 7) % queries.length;
    const cache = mkdtempSync(join(tmpdir(), "mosaic-remote-"));
    const engine = await open(endpoint, cache);
    await new Promise((resolve) => setTimeout(resolve, 250));
    if (what === "again")
      await engine.search(scope, { vector: queries[(at + 1) % queries.length] as Float32Array, recall });
    await counted();
    const startedMs = performance.now();
    const ids =
      what === "get"
        ? [(await engine.get(scope, (truth[at] as string[])[0] as string)).id]
        : (
            await engine.search(scope, {
              vector: queries[at] as Float32Array,
              limit: 10,
              recall,
              include: ["text", "metadata"],
            })
          ).results.map(({ id }) => id);
    const tookMs = performance.now() - startedMs;
    const counts = await counted();
    await engine.close();
    rmSync(cache, { recursive: true });
    if (run < 0) continue;
    ms.push(tookMs);
    all.push(counts);
    found.push(ids);
    wanted.push(what === "get" ? [(truth[at] as string[])[0] as string] : (truth[at] as string[]));
  }
  const mean = (of: (counts: SlowS3Counts) => number): number => all.reduce((sum, one) => sum + of(one), 0) / runs;
  const kinds = [...new Set(all.flatMap((one) => Object.keys(one.kinds)))].map((kind) => [
    kind,
    { requests: mean((one) => one.kinds[kind]?.requests ?? 0), bytes: mean((one) => one.kinds[kind]?.bytes ?? 0) },
  ]);
  return {
    p50Ms: percentile(ms, 50),
    p90Ms: percentile(ms, 90),
    requests: mean(({ requests }) => requests),
    megabytes: mean(({ bytes }) => bytes) / 1e6,
    rounds: Math.max(...all.map(({ rounds }) => rounds)),
    recallAt10: recallOf(found, wanted),
    kinds: Object.fromEntries(kinds),
  };
});
