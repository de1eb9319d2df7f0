import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { packageRoot, settingsFrom } from "../../src/base/index.ts";
import { operations } from "../../src/http/index.ts";
import { batchProblemList, problemList } from "../../src/http/problem-list.ts";
import { shared } from "../engine/support/engine.ts";
import { firstStart } from "./support/docs-server.ts";
import { differences, jsonValues } from "./support/json-difference.ts";

interface Example {
  readonly script: string;
  /** The block of JSON that follows it, if one does. */
  readonly answer: string | undefined;
}

const read = (file: string): string => readFileSync(join(packageRoot, file), "utf8");

function examplesOf(file: string): readonly Example[] {
  const blocks = read(file).matchAll(/^```sh\n([\s\S]*?)^```\n(?:\s*^```json\n([\s\S]*?)^```$)?/gm);
  return [...blocks]
    .map(([, script = "", answer]) => ({ script, answer }))
    .filter(({ script }) => /\bcurl\b/.test(script));
}

/** What the commands print. Fails when one of them does. */
function run({ script }: Example, server: string): unknown[] {
  const text = script.replaceAll("localhost:4040", server);
  const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", text], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return jsonValues(stdout);
}

/** Mosaic's own pages change more often than this one: of what is found in them only the shape is compared. */
const mayDiffer =
  ({ script }: Example) =>
  (path: string): boolean =>
    /"collection": "docs"|collections\/docs/.test(script) ||
    /^\d+\.collections\.1\.documents$/.test(path) ||
    /^\d+\.job\.id$/.test(path);

const title = ({ script }: Example): string => script.trim().replaceAll(/\s+/g, " ").slice(0, 100);

const hasCurl = spawnSync("curl", ["--version"]).status === 0;
const inCi = Boolean(process.env["CI"]);

if (!hasCurl && !inCi) test.skip("the examples of README.md and docs/api.md: install curl to run them", () => {});

describe.skipIf(!hasCurl && !inCi)("docs/api.md", () => {
  const examples = examplesOf("docs/api.md");
  let server: string;
  beforeAll(() =>
    shared(async () => {
      server = await firstStart();
    }),
  );

  test("has an example for most of what can be asked", () => {
    expect(examples.length).toBeGreaterThanOrEqual(20);
    expect(examples.filter(({ answer }) => answer === undefined)).toEqual([]);
  });

  test.each(examples.map((example) => [title(example), example] as const))("%s", (_title, example) => {
    const found = run(example, server);
    expect(differences(jsonValues(example.answer ?? ""), found, { mayDiffer: mayDiffer(example) })).toEqual([]);
  });
});

describe.skipIf(!hasCurl && !inCi)("README.md", () => {
  test("its searches find what they should, after a first start and nothing else", async () => {
    const server = await firstStart();
    const [own, mine, ...more] = examplesOf("README.md");
    expect(more).toEqual([]);
    const [killed] = run(own as Example, server) as [{ results: { id: string; text: string }[] }];
    expect(killed.results[0]?.text).toMatch(/killed/);
    expect(killed.results[0]?.id).toMatch(/^(README\.md|docs\/)/);
    const [stored, eaten] = run(mine as Example, server) as [{ id: string }, { results: { id: string }[] }];
    expect(stored).toMatchObject({ id: "apple", version: expect.any(String) });
    expect(eaten.results).toMatchObject([{ id: "apple", metadata: { kind: "fruit" } }]);
  });
});

describe("what docs/api.md says besides", () => {
  const text = read("docs/api.md");

  test("the table of codes is the one that the server has", () => {
    const rows = [...text.matchAll(/^\| (\d{3}) \| `(\w+)` \| (.*) \|$/gm)].map(([, status, code, meaning]) => [
      code,
      [Number(status), meaning],
    ]);
    expect(Object.fromEntries(rows)).toEqual(problemList);
    const inBatches = [...text.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, code, meaning]) => [code, meaning]);
    expect(Object.fromEntries(inBatches)).toMatchObject(batchProblemList);
  });

  test("every address is there", () => {
    for (const { path } of operations)
      expect(text).toContain(
        path.replace("{id}", "<id>").replace("{name}/stats", "<name>").replace("{name}", "<name>"),
      );
  });

  test("the limits are the defaults", () => {
    const { maxBodyBytes, maxBatchDocs, maxTextBytes, shardTimeoutMs, tailMaxBytes } = settingsFrom({}, {});
    const limit = (setting: string): string =>
      new RegExp(`^\\| [^|]+ \\| ([^|]+) \\| \`${setting}\` \\|$`, "m").exec(text)?.[1] ?? "";
    expect(limit("MAX_BODY_BYTES")).toBe(`${maxBodyBytes / 2 ** 20} MiB`);
    expect(limit("MAX_BATCH_DOCS")).toBe(String(maxBatchDocs));
    expect(limit("MAX_TEXT_BYTES")).toBe(`${maxTextBytes / 2 ** 20} MiB`);
    expect(limit("SHARD_TIMEOUT_MS")).toBe(`${shardTimeoutMs / 1000} s`);
    expect(limit("TAIL_MAX_BYTES")).toContain(`${tailMaxBytes / 2 ** 20} MiB`);
  });
});

describe("the comparison", () => {
  const expected = { id: "a", score: 0.361, created_at: "2024-03-01 10:00:00", stats: { took_ms: 1, list: [1, 2] } };
  test.each([
    ["the same", expected, 0],
    ["other times, scores near", { ...expected, score: 0.3649, stats: { took_ms: 9, list: [1, 2] } }, 0],
    ["a score that is another", { ...expected, score: 0.39 }, 1],
    ["another id", { ...expected, id: "b" }, 1],
    ["another time, given by the client", { ...expected, created_at: "2024-03-01 11:00:00" }, 1],
    ["a key too many", { ...expected, more: 1 }, 1],
    ["a key too few", { ...expected, stats: { list: [1, 2] } }, 1],
    ["a longer list", { ...expected, stats: { took_ms: 1, list: [1, 2, 3] } }, 1],
    ["another kind", { ...expected, stats: { took_ms: "1", list: [1, 2] } }, 1],
  ])("%s: %i", (_what, actual, count) => {
    expect(differences(expected, actual)).toHaveLength(count);
  });

  test("reads values one after the other, and refuses what is none", () => {
    expect(jsonValues('{"a":"}{\\""}\n[1]{}')).toEqual([{ a: '}{"' }, [1], {}]);
    expect(() => jsonValues("curl: (7) Failed to connect")).toThrow();
  });
});
