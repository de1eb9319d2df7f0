/**
 * What query history keeps of the results when `shard_limit` cuts: the share of the ten nearest that are found, with and without.
 *
 *   npm run bench:history               63,666 documents in 16 shards, 400 queries after 200 others
 *   npm run bench:history -- --quick    10,000 documents in 7 shards, 60 after 60
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/base/index.ts";
import { Mosaic } from "../src/engine/index.ts";
import { dimensions, rowOf } from "./data.ts";
import { makeCollection, scope } from "./text/collection.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const [rows, shardMaxDocs, before, after] = values.quick ? [10_000, 1500, 60, 60] : [63_666, 4000, 200, 400];

const random = seededRandom(7);
/** A vector with so much noise that its cosine to what it was is about 0.9. */
function near(vector: Float32Array): Float32Array {
  const noise = Math.sqrt(3 / dimensions) * 0.48;
  return vector.map((value) => value + noise * (2 * random() - 1));
}

const settings = { shardMaxDocs, historyQueries: 256 };
const { folder, engine, vectors } = await makeCollection({ withVectors: true, rows, settings });
const without = await Mosaic.open({ ...engine.settings, historyQueries: 0 });
const picked = Array.from({ length: before }, () => rowOf(vectors, Math.floor(random() * rows)).slice());
for (const vector of picked) await engine.search(scope, { vector, include: [] });
const { shards } = await engine.stats(scope);
console.log(`${rows.toLocaleString("en")} documents in ${shards.length} shards; % of the ten nearest that are found`);
console.log(`${"".padEnd(34)} without   with history`);

async function idsOf(searcher: Mosaic, vector: Float32Array, shardLimit?: number): Promise<readonly string[]> {
  const limited = shardLimit === undefined ? { recall: "exact" as const } : { shard_limit: shardLimit };
  return (await searcher.search(scope, { vector, include: [], ...limited })).results.map(({ id }) => id);
}

const kinds: Readonly<Record<string, () => Float32Array>> = {
  "queries like earlier ones": () => near(picked[Math.floor(random() * before)] as Float32Array),
  "other queries": () => near(rowOf(vectors, Math.floor(random() * rows))),
};
for (const [kind, next] of Object.entries(kinds)) {
  const queries = Array.from({ length: after }, next);
  const truth: (readonly string[])[] = [];
  for (const vector of queries) truth.push(await idsOf(without, vector));
  for (const shardLimit of [1, 2, 4]) {
    const kept = [0, 0];
    for (const [at, vector] of queries.entries())
      for (const [which, searcher] of [without, engine].entries())
        for (const id of await idsOf(searcher, vector, shardLimit))
          if (truth[at]?.includes(id)) kept[which] = (kept[which] as number) + 1;
    const [alone, learned] = kept.map((count) => ((10 * count) / queries.length).toFixed(1).padStart(8));
    console.log(`${`${kind}, ${shardLimit} shards`.padEnd(34)}${alone} ${learned}`);
  }
}
await Promise.all([engine.close(), without.close()]);
rmSync(folder, { recursive: true });
