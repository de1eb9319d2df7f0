import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { docs, openTestEngine } from "../engine/support/engine.ts";
import { sharedData } from "../support/vectors.ts";

const candidates = [process.env["MOSAIC_TEST_PYTHON"], join(packageRoot, ".venv", "bin", "python")];
const python = candidates.find(
  (path) =>
    path !== undefined && existsSync(path) && spawnSync(path, ["-c", "import networkx, scipy, numpy"]).status === 0,
);
const debian = join(sharedData, "debian.ndjson.gz");
const without = [
  ...(python === undefined ? ["networkx: .venv/bin/pip install -r test/ranking/requirements.txt"] : []),
  ...(existsSync(debian) ? [] : [debian]),
];
if (without.length > 0 && process.env["CI"]) throw new Error(`CI needs ${without.join(" and ")}`);

interface Package {
  readonly id: string;
  readonly metadata: { readonly outbound_links?: readonly string[] };
}

interface Reference {
  readonly ranks: Readonly<Record<string, number>>;
  readonly links: number;
}

const reference = (lines: string): Reference => {
  const ran = spawnSync(python as string, [join(import.meta.dirname, "networkx_pagerank.py")], {
    input: lines,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Reference;
};

const title = without.length === 0 ? "" : ` (skipped without ${without.join(" and ")})`;

describe.skipIf(without.length > 0)(`PageRank of the dependencies of all packages of Debian${title}`, () => {
  test("equals networkx.pagerank to 1e-8", { timeout: 900_000 }, async () => {
    const lines = gunzipSync(readFileSync(debian)).toString("utf8");
    const packages = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Package);
    const engine = await openTestEngine({
      settings: { shardMaxDocs: 20_000, sqlAnswerMaxRows: 100_000, maxBatchDocs: 5000 },
    });
    for (let from = 0; from < packages.length; from += 5000) {
      const part = packages.slice(from, from + 5000);
      await engine.putMany(
        docs,
        part.map(({ id, metadata: { outbound_links = [] } }) => ({ id, text: id, metadata: { outbound_links } })),
      );
    }
    const job = await engine.computePageRank(docs, { iterations: 1000, tolerance: 1e-12 });
    await engine.jobEnded(job.id);
    const { result } = await engine.job(docs.tenant, job.id);
    const { ranks, links } = reference(lines);
    expect(result).toMatchObject({ documents: packages.length, links, converged: 1 });

    const { rows } = await engine.sql(docs, { sql: "SELECT id, pagerank FROM documents" });
    expect(rows).toHaveLength(packages.length);
    const furthest = (rows as readonly (readonly [string, number])[]).reduce(
      (most, [id, rank]) => Math.max(most, Math.abs(rank - (ranks[id] ?? Number.NaN))),
      0,
    );
    expect(furthest).toBeLessThan(1e-8);
    const best = Object.entries(ranks).sort((a, b) => b[1] - a[1]);
    const top = await engine.sql(docs, { sql: "SELECT id FROM documents ORDER BY pagerank DESC LIMIT 5" });
    expect(top.rows.map(([id]) => id)).toEqual(best.slice(0, 5).map(([id]) => id));
  });
});
