import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { shared } from "../engine/support/engine.ts";
import { main, Shell } from "./support/mosaic.ts";

const read = (page: string): string => readFileSync(join(packageRoot, "docs", page), "utf8");

interface Example {
  readonly script: string;
  readonly output: string | undefined;
}

/** Scripts of a page, each with the output that is printed below it. */
const examplesOf = (page: string): readonly Example[] =>
  [...read(page).matchAll(/^```sh\n([\s\S]*?)^```\n(?:\s*^```text\n([\s\S]*?)^```$)?/gm)]
    .map(([, script = "", output]) => ({ script, output }))
    .filter(({ script }) => !script.startsWith("alias"));

/** What differs from run to run: times, sizes, rates, costs, ids of shards, scores in their second digit. */
function steady(output: string): string {
  return output
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?/g, "TIME")
    .replaceAll(/\b\d+(\.\d)? (ms|s)\b/g, "DURATION")
    .replaceAll(/\b[\d,]+ documents\/s/g, "RATE")
    .replaceAll(/\$\d[\d.e-]*/g, "COST")
    .replaceAll(/\b[\d.]+ (B|KiB|MiB)\b/g, "SIZE")
    .replaceAll(/\b(?=[a-z]*\d)[0-9a-z]{21}\b/g, "SHARD")
    .replaceAll(/\b(0\.\d)\d\d\b/g, "$1")
    .replaceAll(/\bmosaic_[0-9a-f]{48}\b/g, "KEY")
    .replaceAll(/\b[0-9a-f]{16}\b/g, "ID")
    .replaceAll(/ +/g, " ")
    .trim();
}

describe.each(["cli.md", "guides/lifecycle.md", "guides/search.md", "guides/ingestion.md", "guides/multi-tenancy.md"])(
  "docs/%s",
  (page) => {
    const examples = examplesOf(page);
    let shell: Shell;
    beforeAll(() =>
      shared(async () => {
        shell = new Shell({ EMBEDDING_MODEL: "local" });
      }),
    );

    test("shows an output for each example but the files", () => {
      expect(examples.length).toBeGreaterThanOrEqual(5);
      const silent = examples.filter(({ output }) => output === undefined);
      for (const { script } of silent) expect(script).toMatch(/^cat > /);
    });

    // One after the other, in one folder: the later ones find what the earlier stored.
    test.each(examples.map(({ script, output }) => [script.trim().split("\n").at(-1), script, output] as const))(
      "%s",
      (_title, script, output) => {
        const preamble = `mosaic() { '${process.execPath}' '${main}' "$@"; }\n`;
        const { stdout } = spawnSync("bash", ["-c", `exec 2>&1\n${preamble}${script}`], {
          cwd: shell.folder,
          env: shell.env,
          encoding: "utf8",
        });
        expect(steady(stdout)).toBe(steady(output ?? ""));
      },
      120_000,
    );
  },
);

test("docs/cli.md lists every command, and every option of each", () => {
  const page = read("cli.md");
  for (const { name, options = {} } of commands) {
    expect(page).toMatch(new RegExp(`^\\| \\[\`${name}[ \`]`, "m"));
    for (const option of Object.keys(options)) expect(page).toContain(`--${option}`);
  }
});
