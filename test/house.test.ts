import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/base/index.ts";

const read = (file: string): string => readFileSync(join(packageRoot, file), "utf8");
const sources = globSync("src/**/*.ts", { cwd: packageRoot, exclude: (name) => name === "assembly" });
const rooms = readdirSync(join(packageRoot, "src"));

test("every room has one door, which says what it answers, owns and never does", () => {
  for (const room of rooms) {
    const door = read(`src/${room}/index.ts`);
    for (const word of ["Answers:", "Owns:", "Never:"]) expect(door, `src/${room}/index.ts`).toContain(` * ${word} `);
  }
});

test("time, chance and the environment come from base", () => {
  const worldly =
    /\b(Math\.random|Date\.now|new Date\(\)|performance\.now|process\.env|randomUUID|randomBytes|setTimeout|setInterval)\b/;
  const offenders = sources.filter(
    (file) => !file.startsWith("src/base/") && worldly.test(withoutComments(read(file))),
  );
  expect(offenders).toEqual([]);
});

test("docs/architecture.md has a heading for every room", () => {
  const headings = read("docs/architecture.md").match(/^### `src\/(\w+)`/gm) ?? [];
  expect(headings.map((heading) => heading.slice("### `src/".length, -1)).sort()).toEqual([...rooms].sort());
});

test("docs/configuration.md names every variable that the settings read, and no other", () => {
  const used = new Set(
    read("src/base/settings.ts").match(/(?<=env\[")[A-Z0-9_]+(?="\])|(?<=whole\(env, ")[A-Z0-9_]+(?=")/g),
  );
  const documented = new Set(read("docs/configuration.md").match(/(?<=^\| `)[A-Z0-9_]+(?=`)/gm));
  expect([...documented].sort()).toEqual([...used].sort());
});

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
