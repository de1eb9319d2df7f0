/**
 * What query history keeps of the results when `shard_limit` cuts: the share of the ten nearest that are found, with and without.
 *
 *   npm run bench:history               63,666 documents in 16 shards, 400 queries after 200 others
 *   npm run bench:history -- --quick    20,000 documents in 10 shards, 100 after 100
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/base/index.ts";
import { dimensions, rowOf } from "./data.ts";
import { makeCollection, scope } from "./text/collection.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const [rows, shardMaxDocs, before, after] = values.quick ? [20_000, 2000, 100, 100] : [63_666, 4000, 200, 400];

const random = seededRandom(7);
/** A vector with so much noise that its cosine to what it was is about 0.9. */
function near(vector: Float32Array): Float32Array {
  const noise = Math.sqrt(3 / dimensions) * 0.48;
  return vector.map((value) => value + noise * (2 * random() - 1));
}

for (const historyQueries of [0, 256]) {
  const { folder, engine, vectors } = await makeCollection({
    withVectors: true,
    rows,
    settings: { shardMaxDocs, historyQueries },
  });
  const picked = Array.from({ length: before }, () => rowOf(vectors, Math.floor(random() * rows)).slice());
  for (const vector of picked) await engine.search(scope, { vector, include: [] });
  const kinds = {
    "like earlier ones": Array.from({ length: after }, () =>
      near(picked[Math.floor(random() * before)] as Float32Array),
    ),
    "new ones": Array.from({ length: after }, () => near(rowOf(vectors, Math.floor(random() * rows)))),
  };
  const { shards } = await engine.stats(scope);
  console.log(`${rows.toLocaleString("en")} documents in ${shards.length} shards, HISTORY_QUERIES=${historyQueries}`);
  for (const [kind, queries] of Object.entries(kinds)) {
    // The truth is asked of another engine's history: as an exact search it is noted too, so it comes after all limited ones.
    for (const shardLimit of [1, 2, 4]) {
      const limited: (readonly string[])[] = [];
      for (const vector of queries)
        limited.push(
          (await engine.search(scope, { vector, include: [], shard_limit: shardLimit })).results.map(({ id }) => id),
        );
      let kept = 0;
      for (const [at, vector] of queries.entries()) {
        const { results } = await engine.search(scope, { vector, include: [], recall: "exact", where: "true" });
        kept += results.filter(({ id }) => limited[at]?.includes(id)).length;
      }
      console.log(
        `  ${kind.padEnd(18)} shard_limit ${shardLimit}: ${((10 * kept) / queries.length).toFixed(1)} % of the ten nearest`,
      );
    }
  }
  await engine.close();
  rmSync(folder, { recursive: true });
}
