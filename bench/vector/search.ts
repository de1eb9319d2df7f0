import { readFileSync } from "node:fs";
import { join } from "node:path";
import { collectionName, settingsFrom, tenantName } from "../../src/base/index.ts";
import { Mosaic, type Recall } from "../../src/engine/index.ts";
import { type BenchInput, readQueries } from "./input.ts";
import { type Latency, latencyOf, recallOf } from "./measure.ts";
import { stage } from "./stage.ts";

export interface SearchFigures {
  readonly recall: Recall;
  readonly recallAt10: number;
  readonly one: Latency;
  readonly sixteen: Latency;
  readonly rowsScanned: number;
  readonly rowsRescored: number;
  /** After all of this, of the whole process; file-backed pages count too. */
  readonly residentMiB: number;
  readonly openedMs: number;
}

export interface SearchInput extends BenchInput {
  readonly recall: Recall;
  readonly rounds: number;
  readonly consistency: "strong" | "eventual";
}

await stage<SearchInput>(async ({ folder, recall, rounds, consistency }): Promise<SearchFigures> => {
  const scope = { tenant: tenantName("default"), collection: collectionName("documents") };
  const engine = await Mosaic.open(
    settingsFrom({ storagePath: `${folder}/storage`, cachePath: `${folder}/cache`, embeddingModel: "none" }),
  );
  const queries = readQueries(folder);
  const truth = JSON.parse(readFileSync(join(folder, "truth.json"), "utf8")) as string[][];
  const ask = (at: number) =>
    engine.search(scope, { vector: queries[at % queries.length] as Float32Array, limit: 10, recall, consistency });
  const startedMs = performance.now();
  await ask(0);
  const openedMs = performance.now() - startedMs;
  let scanned = 0;
  let rescored = 0;
  const found: string[][] = [];
  for (let at = 0; at < queries.length; at++) {
    const { results, stats } = await ask(at);
    found.push(results.map(({ id }) => id));
    scanned += stats.documents_scored;
    rescored += stats.rows_rescored;
  }
  const one = await latencyOf(1, queries.length * rounds, ask);
  const sixteen = await latencyOf(16, queries.length * rounds, ask);
  const residentMiB = process.memoryUsage.rss() / 2 ** 20;
  await engine.close();
  return {
    recall,
    recallAt10: recallOf(found, truth),
    one,
    sixteen,
    rowsScanned: scanned / queries.length,
    rowsRescored: rescored / queries.length,
    residentMiB,
    openedMs,
  };
});
