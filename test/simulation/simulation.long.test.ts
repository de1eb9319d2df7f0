import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { type Bugs, simulate } from "./simulate.ts";

/** Bugs that are planted, the first seed that finds each, and what it says. docs/testing.md has the same table. */
const planted: readonly (readonly [bug: keyof Bugs, seed: number, finding: RegExp])[] = [
  ["swapWithoutCompare", 4, /the rank of id1 t36 \{\} was 0\.000006 and is 0/],
  ["acknowledgeBeforePut", 1, /the acknowledged upsert 2\.0 of id6 is not in the log/],
  ["deleteByAge", 2, /shards\/\S+ is live and gone/],
  ["forgetLaterDeletes", 74, /generation 25 holds .*, not /],
  ["trustOldManifests", 5, /the acknowledged upsert 13\.0 of id0 is not in the log/],
  ["forgetArchiveInGc", 2, /archive\/\S+ is live and gone/],
  ["emptyStubs", 2, /id5 was not found, and was always there/],
  ["moveAsItWas", 22, /id1 is live twice/],
  ["discardByOldManifest", 2, /archive\/\S+ is live and gone/],
  ["forgetArchived", 2, /archive\/\S+ is not in the class STANDARD/],
  ["heldBackForever", 2, /at the end .* without \S+ is read, not /],
  ["ranksOfOtherRows", 22, /id3 t6 \{\} was left without a rank/],
  ["dropRanks", 3, /the rank of id4 t7 \{\} was 0\.000001 and is 0/],
  ["rollbackKeepsLog", 5, /segment 14 is needed and gone/],
  ["reuseSequences", 128, /segment 1 is needed and gone/],
];

const seeds = 500;
const inOneTest = 50;

describe("the protocol between processes", () => {
  const counts: Record<string, number> = {};
  const parts = Array.from({ length: seeds / inOneTest }, (_, at) => at * inOneTest + 1);

  test.each(parts)(
    "keeps every promise from seed %i on (again: npm run simulate -- --seeds 1 --show --from SEED)",
    async (from) => {
      for (let seed = from; seed < from + inOneTest; seed++) {
        const { failure, counts: own } = await simulate(seed);
        expect({ seed, failure }).toEqual({ seed, failure: undefined });
        for (const [what, times] of Object.entries(own)) counts[what] = (counts[what] ?? 0) + times;
      }
    },
    120_000,
  );

  test.each([
    ["put done", 5000],
    ["putMany done", 1500],
    ["patch done", 2000],
    ["delete done", 1000],
    ["read done", 3000],
    ["get done", 1000],
    ["past done", 1500],
    ["readBranch done", 1000],
    ["branch done", 1000],
    ["gc done", 1500],
    ["swap of a fold", 4000],
    ["swap of a compaction", 2000],
    ["swap of ranks", 500],
    ["swap of a rollback", 300],
    ["collection deleted", 150],
    ["shard archived", 1500],
    ["shard restored", 1000],
    ["archive deleted", 300],
    ["read without archived shards", 500],
    ["get archived_needs_restore", 50],
    ["patch archived_needs_restore", 100],
    ["restored copy ready", 500],
    ["restored copy gone", 200],
    ["shards deleted", 1000],
    ["refused", 5000],
    ["answer lost", 800],
    ["put after its timeout", 500],
    ["copy after its timeout", 5],
    ["answer truncated", 150],
    ["crash", 1000],
    ["sleep", 500],
  ])("meets often enough: %s", (what, least) => {
    expect(counts[what]).toBeGreaterThan(least);
  });
});

describe("the simulation", () => {
  test("is the same for the same seed, in another process too", async () => {
    const [first, second] = [await simulate(3), await simulate(3)];
    expect(second).toEqual(first);
    const program = `import { simulate } from "./test/simulation/simulate.ts"; console.log((await simulate(3)).fingerprint)`;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { cwd: packageRoot });
    expect((await run).stdout.trim()).toBe(first.fingerprint);
  });

  test("is another for another seed", async () => {
    expect((await simulate(4)).fingerprint).not.toBe((await simulate(3)).fingerprint);
  });

  test.each(planted)("finds %s by seed %i", async (bug, seed, finding) => {
    expect((await simulate(seed)).failure).toBeUndefined();
    expect((await simulate(seed, { bugs: { [bug]: true } })).failure).toMatch(finding);
  });

  test("docs/testing.md lists the same bugs and seeds", () => {
    const page = readFileSync(join(packageRoot, "docs", "testing.md"), "utf8");
    for (const [bug, seed] of planted) expect(page).toMatch(new RegExp(`^\\| \`${bug}\` \\|.*\\| ${seed} \\|`, "m"));
  });
});
