/**
 * nDCG@10 on Cranfield: 1,400 abstracts, 225 queries with graded judgements (1 best … 4 least; gain 5 − grade).
 *
 *   npm run bench:relevance [-- --quick]    (the same; about a minute)
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { scopeOf, settingsFrom } from "../src/base/index.ts";
import { Mosaic, type RankerSpec } from "../src/engine/index.ts";
import { dataFolder } from "./data.ts";

const folder = join(dataFolder, "cranfield");
if (!existsSync(folder)) {
  console.log("Cranfield is not here (MOSAIC_BENCH_DATA): nothing is measured.");
  process.exit(0);
}

/** Records of the SMART format: `.I` begins one, `.T .A .B .W` its fields. */
const recordsOf = (text: string): ReadonlyMap<string, string>[] =>
  text
    .split(/^\.I .*\n/m)
    .slice(1)
    .map(
      (record) =>
        new Map(
          record
            .split(/^\.(?=[TABW]\s*$)/m)
            .slice(1)
            .map((field) => [field.charAt(0), field.slice(1).trim()]),
        ),
    );

const documents = recordsOf(gunzipSync(readFileSync(join(folder, "cran.all.1400.gz"))).toString("latin1"));
const queries = recordsOf(readFileSync(join(folder, "cran.qry"), "latin1")).map((record) => record.get("W") ?? "");
const gains = new Map<number, Map<string, number>>();
for (const line of readFileSync(join(folder, "cranqrel"), "latin1").trim().split("\n")) {
  const [query = 0, document = 0, grade = 0] = line.trim().split(/\s+/).map(Number);
  const own = gains.get(query) ?? new Map<string, number>();
  gains.set(query, own.set(String(document), grade < 1 ? 0 : 5 - grade));
}

const work = mkdtempSync(join(tmpdir(), "mosaic-bench-"));
const engine = await Mosaic.open(
  settingsFrom({ storagePath: join(work, "data"), cachePath: join(work, "cache"), embeddingModel: "local" }),
);
const scope = scopeOf("default", "cranfield");
const inputs = documents.map((fields, at) => ({
  id: String(at + 1),
  text: `${fields.get("T") ?? ""}\n${fields.get("W") ?? ""}`.trim() || "(none)",
}));
for (let from = 0; from < inputs.length; from += 200) await engine.putMany(scope, inputs.slice(from, from + 200));
await engine.fold(scope);

function ndcg(found: readonly string[], own: ReadonlyMap<string, number>): number {
  const discounted = (all: readonly number[]): number =>
    all.slice(0, 10).reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);
  const ideal = discounted([...own.values()].sort((a, b) => b - a));
  return ideal === 0 ? 0 : discounted(found.map((id) => own.get(id) ?? 0)) / ideal;
}

async function mean(find: (query: string) => Promise<readonly { readonly id: string }[]>): Promise<number> {
  let sum = 0;
  for (const [at, query] of queries.entries()) {
    const found = await find(query);
    sum += ndcg(
      found.map(({ id }) => id),
      gains.get(at + 1) ?? new Map(),
    );
  }
  return sum / queries.length;
}

const hybrid = (ranker?: RankerSpec) => async (query: string) =>
  (await engine.hybrid(scope, { query, include: [], ...(ranker === undefined ? {} : { ranker }) })).results;
const rows: readonly (readonly [string, (query: string) => Promise<readonly { readonly id: string }[]>])[] = [
  ["BM25", hybrid({ scorers: [{ name: "bm25" }], fusion: "max" })],
  ["vector, exact", async (query) => (await engine.search(scope, { query, include: [], recall: "exact" })).results],
  ["vector", async (query) => (await engine.search(scope, { query, include: [] })).results],
  ["hybrid (default, rrf)", hybrid()],
  [
    "hybrid, weighted sum",
    hybrid({ scorers: [{ name: "vector_similarity" }, { name: "bm25" }], fusion: "weighted_sum" }),
  ],
  ["full", hybrid("full")],
];
console.log(`${documents.length} documents, ${queries.length} queries, nDCG@10`);
for (const [name, find] of rows) console.log(`${name.padEnd(24)}${(await mean(find)).toFixed(4)}`);
await engine.close();
rmSync(work, { recursive: true });
