import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { alarms, functions, gateway, leafFunctions, logs } from "../../infra/table.ts";
import { packageRoot } from "../../src/base/index.ts";
import { main, Shell } from "../cli/support/mosaic.ts";
import { shared } from "../engine/support/engine.ts";
import { hasS3Server, python, withoutS3Server } from "../support/s3-server.ts";
import { anchorsOf, commandsOf, linksOf, pages, rowsOf, scriptsOf, textOf, wordsOf } from "./support/pages.ts";

describe.each(pages)("docs/%s", (page) => {
  test("links to what is there", () => {
    const broken = linksOf(page).filter(({ path, anchor }) => {
      const target = path === "" ? page : posix.join(posix.dirname(page), path);
      if (!existsSync(join(packageRoot, "docs", target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test.skipIf(!hasS3Server)(`shows commands that AWS knows (${withoutS3Server})`, () => {
    const commands = commandsOf(page).flatMap((command) => {
      const [program, ...words] = wordsOf(command);
      return program === "aws" ? [words] : [];
    });
    expect(commands.length).toBeGreaterThan(2);
    const script = join(import.meta.dirname, "support", "aws_commands.py");
    const { stdout, stderr } = spawnSync(python ?? "python3", [script], {
      input: JSON.stringify(commands),
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual([]);
  });

  test("names npm scripts that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { scripts: object };
    const named = [...textOf(page).matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => !Object.keys(scripts).includes(name ?? ""))).toEqual([]);
  });
});

describe("docs/deployment/aws.md", () => {
  const page = "deployment/aws.md";

  test("lists everything that may be chosen", () => {
    const source = readFileSync(join(packageRoot, "infra", "options.ts"), "utf8");
    const settings = new Set([...source.matchAll(/"((?:MOSAIC|AWS)_[A-Z_]+)"/g)].map(([, name]) => name));
    const listed = rowsOf(page).map(([name]) => name);
    expect([...settings].filter((name) => !listed.includes(name))).toEqual([]);
  });

  test("shows the functions as they are deployed", () => {
    for (const { name, memoryMb, tmpMb, timeoutSeconds, purpose } of Object.values(functions)) {
      const shown = name === "leaf" ? "leaf-0 …" : name;
      expect(rowsOf(page)).toContainEqual([shown, `${memoryMb} MB`, `${tmpMb} MB`, `${timeoutSeconds} s`, purpose]);
    }
  });

  test("shows the rights of each of them", () => {
    const verbs: Record<string, string> = { GetObject: "get", PutObject: "put", DeleteObject: "delete" };
    const [header = []] = rowsOf(page).filter(([first, second]) => first === "" && second === "tenants/");
    for (const { name, statements } of Object.values(functions)) {
      const [row = []] = rowsOf(page).filter(
        (cells) => cells.length === header.length && cells[0]?.split(", ").includes(name),
      );
      for (const [index, prefix] of header.slice(1, -1).entries()) {
        const actions = statements.flatMap(({ actions, on }) =>
          on.kind === "prefix" && on.prefix === prefix ? actions : [],
        );
        // What belongs to a copy is said below the table.
        const plain = actions.filter((action) => !/Tagging$|MultipartUpload$/.test(action));
        const words = plain.map(
          (action) => verbs[action.slice(3)] ?? action.slice(3).replace("Object", "").toLowerCase(),
        );
        expect((row[index + 1] ?? "").split(/[,;] /).filter(Boolean), `${name} ${prefix}`).toEqual(words);
      }
    }
  });

  test("says the limits and counts that the table has", () => {
    const text = textOf(page);
    expect(text).toContain(`${gateway.rateLimit}, ${gateway.burstLimit} at once`);
    expect(text).toContain(`kept for ${logs.retentionDays} days`);
    const count = alarms.length + leafFunctions.default - 1;
    expect(text).toContain(`alarms, production only: ${count} `);
  });
});

describe("docs/deployment/aws.md, its first key, document and search", () => {
  test("work against a server that asks for stored keys", () =>
    shared(async () => {
      const shell = new Shell({ EMBEDDING_MODEL: "local", MOSAIC_STORED_KEYS: "1" });
      const server = shell.spawn("serve", "--port", "0");
      try {
        const url = await new Promise<string>((resolve) => {
          let text = "";
          server.stderr?.on("data", (chunk: Buffer) => {
            text += chunk.toString();
            const [found] = /http:\/\/[\w.:]+:\d+/.exec(text) ?? [];
            if (found !== undefined) resolve(found);
          });
        });
        const [create = "", call = ""] = scriptsOf("deployment/aws.md").filter((script) =>
          /keys create|curl/.test(script),
        );
        const script = `set -e\n${create.replaceAll(/^export .*$/gm, "")}\n${call}`.replace(
          "npm run --silent mosaic --",
          `'${process.execPath}' '${main}'`,
        );
        const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script], {
          cwd: shell.folder,
          env: { ...shell.env, API: url, STORAGE: join(shell.folder, "data") },
        });
        expect(stderr).toMatch(/^key \w{16} may write as acme; it is not shown again/);
        expect(stdout).toContain('"id":"apple"');
        expect(stdout).toContain('"text":"A red fruit that grows on trees"');
      } finally {
        server.kill();
        await once(server, "close");
      }
    }));
});

describe("docs/guides/operations.md", () => {
  const page = "guides/operations.md";

  test("says what to do for every alarm", () => {
    const text = textOf(page);
    const mentioned = ({ name }: { name: string }) =>
      text.includes(`\`${name}\``) || text.includes(`…${name.slice(name.indexOf("-near"))}`);
    expect(alarms.filter((alarm) => !mentioned(alarm)).map(({ name }) => name)).toEqual([]);
  });

  let shell: Shell;
  beforeAll(() =>
    shared(async () => {
      shell = new Shell({ EMBEDDING_MODEL: "local" });
      const lines =
        '{"id": "apple", "text": "A red fruit that grows on trees"}\n{"id": "fig", "text": "A small soft fruit"}\n';
      const { code } = await shell.feed(lines, "ingest", "-", "--tenant", "acme");
      expect(code).toBe(0);
    }),
  );

  const scripts = scriptsOf(page).filter((script) => script.startsWith("mosaic "));
  // One after the other: the later ones find what the earlier did.
  test.each(scripts.map((script) => [script.trim(), script] as const))("%s", (_title, script) => {
    const preamble = `set -e\nexport STORAGE=$STORAGE_PATH\nmosaic() { '${process.execPath}' '${main}' "$@"; }\n`;
    const { status, stderr } = spawnSync("bash", ["-c", preamble + script], {
      cwd: shell.folder,
      env: shell.env,
      encoding: "utf8",
    });
    expect(stderr).not.toContain("mosaic help");
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  });
});
