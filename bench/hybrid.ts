/**
 * What a filter adds to a vector search, at each selectivity, and what hybrid search costs.
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
import type { Latency } from "./vector/measure.ts";

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

async function recall(where: string | undefined, keeps: (row: number) => boolean): Promise<number> {
  let [found, wanted] = [0, 0];
  for (let at = 0; at < Math.min(count, 50); at++) {
    const truth = nearest(queries[at] as Float32Array, keeps);
    wanted += truth.size;
    found += (await search(at, where)).filter((id) => truth.has(id)).length;
  }
  return wanted === 0 ? 1 : found / wanted;
}

const line = (name: string, { p50Ms, p99Ms }: Latency, pure: Latency, more: string): void =>
  console.log(
    `${name.padEnd(30)}${ms(p50Ms)} ${ms(p99Ms)}  ${(100 * (p50Ms / pure.p50Ms - 1)).toFixed(0).padStart(5)} %  ${more}`,
  );

console.log(`${documents.length.toLocaleString("en")} documents, 384 dimensions, ${count} queries, limit 10, balanced`);
console.log(`${"".padEnd(30)}   p50 ms    p99 ms  extra    recall@10  first ms`);
await timed(count, (at) => search(at));
const pure = await timed(count, (at) => search(at));
line("no filter", pure, pure, `   ${(await recall(undefined, () => true)).toFixed(4)}`);
for (const percent of [50, 10, 1, 0.1, 0.01]) {
  const below = Math.round((draws * percent) / 100);
  const where = `metadata->>'draw' < ${below}`;
  const first = await timed(1, (at) => search(at, where));
  const again = await timed(count, (at) => search(at, where));
  const found = await recall(where, (row) => (draw[row] as number) < below);
  line(`keeps ${percent} %`, again, pure, `   ${found.toFixed(4)}  ${ms(first.p50Ms)}`);
}
for (const percent of [50, 1]) {
  const width = Math.round((draws * percent) / 100);
  const other = await timed(Math.min(count, 50), (at) => {
    const from = Math.floor(((draws - width) * at) / 50);
    return search(at, `metadata->>'draw' BETWEEN ${from} AND ${from + width - 1}`);
  });
  line(`another ${percent} % each time`, other, pure, "");
}
const noIndex = "metadata->'deep'->>'draw' < 10000";
const first = await timed(1, (at) => search(at, noIndex));
line(
  "10 %, a key without an index",
  await timed(count, (at) => search(at, noIndex)),
  pure,
  `           ${ms(first.p50Ms)}`,
);
const text = (at: number): string =>
  (documents[(at * 317) % documents.length]?.text ?? "").split(/\s+/).slice(1, 5).join(" ");
const hybrid = (at: number): Promise<unknown> =>
  engine.hybrid(scope, { query: text(at), vector: queries[at] as Float32Array, include: [] });
await timed(count, hybrid);
line("hybrid, four words", await timed(count, hybrid), pure, "");
await engine.close();
rmSync(folder, { recursive: true });
