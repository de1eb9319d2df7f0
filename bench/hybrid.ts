/**
 * What a filter adds to a vector search, at each selectivity: searches without and with it take turns. And what hybrid search costs.
 *
 *   npm run bench:hybrid               63,666 documents, 300 queries
 *   npm run bench:hybrid -- --quick    100 queries
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/base/index.ts";
import { hasData, rowOf } from "./data.ts";
import { makeCollection, scope } from "./text/collection.ts";
import { ms, timed } from "./timing.ts";
import { inTurns } from "./turns.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const count = values.quick ? 100 : 300;
const draws = 100_000;

if (!hasData()) console.log("The real vectors are not here (MOSAIC_BENCH_DATA): generated ones stand in.");
const random = seededRandom(1);
const draw = Array.from({ length: 70_000 }, () => Math.floor(random() * draws));
const { folder, engine, documents, vectors } = await makeCollection({
  withVectors: true,
  more: (row) => ({ draw: draw[row], deep: { draw: draw[row] } }),
});
const queries = Array.from({ length: count }, () => {
  const vector = rowOf(vectors, Math.floor(random() * documents.length)).map(
    (value) => value + (random() - 0.5) * 0.05,
  );
  return vector as Float32Array;
});

const search = async (at: number, where?: string): Promise<readonly string[]> => {
  const vector = queries[at] as Float32Array;
  const { results } = await engine.search(scope, { vector, include: [], ...(where === undefined ? {} : { where }) });
  return results.map(({ id }) => id);
};

/** The true ten among the documents that fulfil a filter. */
function nearest(query: Float32Array, keeps: (row: number) => boolean): ReadonlySet<string> {
  const scored: [number, number][] = [];
  for (let row = 0; row < documents.length; row++) {
    if (!keeps(row)) continue;
    const vector = rowOf(vectors, row);
    let dot = 0;
    for (let i = 0; i < vector.length; i++) dot += (vector[i] as number) * (query[i] as number);
    scored.push([dot, row]);
  }
  scored.sort((a, b) => b[0] - a[0]);
  return new Set(scored.slice(0, 10).map(([, row]) => documents[row]?.id as string));
}

/** A filter for each query; the same for all of them, or ever another. */
type Filter = (at: number) => { readonly where: string; readonly keeps: (row: number) => boolean };

async function recall(filter: Filter | undefined): Promise<number> {
  let [found, wanted] = [0, 0];
  for (let at = 0; at < Math.min(count, 50); at++) {
    const { where, keeps } = filter?.(at) ?? { where: undefined, keeps: () => true };
    const truth = nearest(queries[at] as Float32Array, keeps);
    wanted += truth.size;
    found += (await search(at, where)).filter((id) => truth.has(id)).length;
  }
  return wanted === 0 ? 1 : found / wanted;
}

const percentOf = (ratio: number): string => `${(100 * (ratio - 1)).toFixed(0).padStart(5)} %`;

async function report(name: string, filter: Filter, searches = count): Promise<void> {
  const first = await timed(1, (at) => search(at, filter(-1 - at).where));
  const [pure, own] = await inTurns(
    searches,
    (at) => search(at),
    (at) => search(at, filter(at).where),
  );
  const extra = percentOf(own.p50Ms / pure.p50Ms);
  const processor = percentOf(own.processorMs / pure.processorMs);
  const times = [pure.p50Ms, pure.p99Ms, own.p50Ms, own.p99Ms].map(ms).join(" ");
  console.log(
    `${name.padEnd(36)}${times}  ${extra} ${processor}    ${(await recall(filter)).toFixed(4)}  ${ms(first.p50Ms)}`,
  );
}

const share = (percent: number): number => Math.max(1, Math.round((draws * percent) / 100));
const remembered = (percent: number): Filter => {
  const below = share(percent);
  return () => ({ where: `metadata->>'draw' < ${below}`, keeps: (row) => (draw[row] as number) < below });
};
/** `at` may be negative: a range that no query has. */
const another = (percent: number, key: string): Filter => {
  const width = share(percent);
  return (at) => {
    const from = Math.floor(((draws - width) * (at + 2)) / (count + 2));
    const keeps = (row: number): boolean => (draw[row] as number) >= from && (draw[row] as number) < from + width;
    return { where: `${key} BETWEEN ${from} AND ${from + width - 1}`, keeps };
  };
};
const deep = "metadata->'deep'->>'draw'";

console.log(`${documents.length.toLocaleString("en")} documents, 384 dimensions, ${count} queries, limit 10, balanced`);
await timed(count, (at) => search(at));
console.log(`recall@10 without a filter ${(await recall(undefined)).toFixed(4)}`);
console.log(`${"".padEnd(36)}without: p50   p99 ms  with: p50   p99 ms    extra  processor  recall@10  first ms`);
for (const percent of [50, 10, 1, 0.1, 0.01]) await report(`keeps ${percent} %`, remembered(percent));
for (const percent of [50, 10, 1, 0.1])
  await report(`${percent} %, another each time`, another(percent, "metadata->>'draw'"));
await report("10 %, a key without a column", () => ({
  where: `${deep} < ${share(10)}`,
  keeps: (row) => (draw[row] as number) < share(10),
}));
await report("the same, another each time", another(10, deep), Math.min(count, 50));
const text = (at: number): string =>
  (documents[(at * 317) % documents.length]?.text ?? "").split(/\s+/).slice(1, 5).join(" ");
const hybrid = (at: number): Promise<unknown> =>
  engine.hybrid(scope, { query: text(at), vector: queries[at] as Float32Array, include: [] });
await timed(count, hybrid);
const both = await timed(count, hybrid);
console.log(`${"hybrid, four words".padEnd(36)}${"".padEnd(20)}${ms(both.p50Ms)} ${ms(both.p99Ms)}`);
await engine.close();
rmSync(folder, { recursive: true });
