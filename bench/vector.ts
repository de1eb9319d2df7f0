/**
 * Vector search beside sqlite-vec's own, on the same vectors in the same run.
 *
 *   npm run bench:vector               63,466 real vectors, then 1,000,000 grown from them (about 15 minutes, 12 GB of disk)
 *   npm run bench:vector -- --quick    the first only, fewer rounds
 *   npm run bench:vector -- --rows 250000 --keep /tmp/bench
 *
 * A folder that was kept is used again: only the searches run anew.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasData } from "./data.ts";
import type { BaselineFigures } from "./vector/baseline.ts";
import type { IngestFigures } from "./vector/ingest.ts";
import { type BenchInput, prepare } from "./vector/input.ts";
import type { SearchFigures } from "./vector/search.ts";
import { runStage } from "./vector/stage.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, rows: { type: "string" }, keep: { type: "string" } },
});

const realRows = 63_466;
const queries = 200;

async function measure(rows: number, folder: string): Promise<void> {
  const input: BenchInput = { folder, rows, queries };
  const print = (line: string): void => console.log(line);
  print(`\n${rows.toLocaleString("en")} documents, 384 dimensions, ${queries} held-out queries, limit 10`);
  if (!existsSync(join(folder, "vectors.f32"))) prepare(input);
  if (!existsSync(join(folder, "storage"))) {
    const ingest = await runStage<IngestFigures>("./ingest.ts", input);
    print(
      `ingest ${ingest.documentsPerSecond.toFixed(0)} documents/s acknowledged, ${ingest.foldedPerSecond.toFixed(0)} in shards; ` +
        `${ingest.bytesPerDocument.toFixed(0)} bytes a document in ${ingest.shards} shards; peak ${ingest.peakMiB.toFixed(0)} MiB`,
    );
  }
  const baseline = await baselineOf(input);
  print(`${"".padEnd(26)} recall@10   p50 ms   p99 ms   16 clients: p50 ms  p99 ms      /s   rows scanned  MiB`);
  const rounds = values.quick ? 2 : 5;
  const searches: SearchFigures[] = [];
  for (const [recall, consistency] of [
    ["fast", "strong"],
    ["balanced", "strong"],
    ["balanced", "eventual"],
    ["exact", "strong"],
  ] as const) {
    const count = recall === "exact" && rows > 200_000 ? 1 : rounds;
    const figures = await runStage<SearchFigures>("./search.ts", { ...input, recall, consistency, rounds: count });
    searches.push(figures);
    print(searchLine(`mosaic ${recall}${consistency === "eventual" ? " eventual" : ""}`, figures));
  }
  for (const [name, { p50Ms, p99Ms }] of [
    ["sqlite-vec vec0 float[384]", baseline.vec0],
    ["vec_distance_cosine", baseline.distance],
  ] as const) {
    print(`${name.padEnd(26)}    1.0000 ${p50Ms.toFixed(1).padStart(8)} ${p99Ms.toFixed(1).padStart(8)}`);
  }
  const exact = searches.find(({ recall }) => recall === "exact");
  const balanced = searches.find(({ recall }) => recall === "balanced");
  const ratio = (figures: SearchFigures | undefined): string =>
    (baseline.vec0.p50Ms / (figures?.one.p50Ms ?? 1)).toFixed(0);
  print(
    `vec0 takes ${ratio(balanced)} times as long as balanced, ${ratio(exact)} times as long as exact (equal recall); ${baseline.vec0BytesPerDocument.toFixed(0)} bytes a document with its table`,
  );
}

async function baselineOf(input: BenchInput): Promise<BaselineFigures> {
  const kept = join(input.folder, "baseline.json");
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8")) as BaselineFigures;
  const distanceQueries = input.rows > 200_000 ? 10 : 20;
  const figures = await runStage<BaselineFigures>("./baseline.ts", { ...input, distanceQueries });
  writeFileSync(kept, JSON.stringify(figures));
  return figures;
}

function searchLine(name: string, { recallAt10, one, sixteen, rowsScanned, residentMiB }: SearchFigures): string {
  const cells = [
    recallAt10.toFixed(4).padStart(9),
    one.p50Ms.toFixed(2).padStart(8),
    one.p99Ms.toFixed(2).padStart(8),
    sixteen.p50Ms.toFixed(2).padStart(18),
    sixteen.p99Ms.toFixed(2).padStart(8),
    sixteen.perSecond.toFixed(0).padStart(7),
    rowsScanned.toFixed(0).padStart(13),
    residentMiB.toFixed(0).padStart(5),
  ];
  return `${name.padEnd(26)} ${cells.join(" ")}`;
}

if (!hasData()) console.log("The real vectors are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const small = hasData() ? realRows : 19_800;
const sizes = values.rows !== undefined ? [Number(values.rows)] : values.quick ? [small] : [small, 1_000_000];
for (const rows of sizes) {
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), "mosaic-bench-"));
  await measure(rows, folder);
  if (values.keep === undefined) rmSync(folder, { recursive: true });
}
