import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { type Bugs, simulate } from "./simulate.ts";

/** Bugs that are planted, the first seed that finds each, and what it says. docs/testing.md has the same table. */
const planted: readonly (readonly [bug: keyof Bugs, seed: number, finding: RegExp])[] = [
  ["swapWithoutCompare", 80, /an object that the manifest names is missing/i],
  ["acknowledgeBeforePut", 1, /the acknowledged upsert 2\.0 of id1 is not in the log/],
  ["deleteByAge", 1, /an object that the manifest names is missing/i],
  ["forgetLaterDeletes", 133, /id6 is live twice/],
  ["trustOldManifests", 166, /the acknowledged upsert 8\.0 of id0 is not in the log/],
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
    ["readBranch done", 1500],
    ["branch done", 1500],
    ["gc done", 1500],
    ["swap of a fold", 4000],
    ["swap of a compaction", 2000],
    ["shard deleted", 1000],
    ["refused", 5000],
    ["answer lost", 800],
    ["put after its timeout", 500],
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
