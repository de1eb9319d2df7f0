import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/index.ts";

export const pages = ["deployment/aws.md", "guides/operations.md"] as const;
export type Page = (typeof pages)[number];

export const textOf = (page: string): string => readFileSync(join(packageRoot, "docs", page), "utf8");

/** Shell blocks of a page, one after the other. */
export const scriptsOf = (page: Page): readonly string[] =>
  [...textOf(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script = ""]) => script);

/** Lines of them, continued ones joined, comments left out. */
export const commandsOf = (page: Page): readonly string[] =>
  scriptsOf(page).flatMap((script) =>
    script
      .replaceAll(/\\\n\s*/g, "")
      .split("\n")
      .map((line) => line.replace(/\s+#.*$/, "").trim())
      .filter(Boolean),
  );

/** Words as a shell splits them, without expanding anything. */
export const wordsOf = (command: string): readonly string[] =>
  [...command.matchAll(/'([^']*)'|"([^"]*)"|[^\s'"]+/g)].map(([word, single, double]) => single ?? double ?? word);

/** How GitHub names a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

export const anchorsOf = (page: string): readonly string[] =>
  [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

export interface Link {
  readonly path: string;
  readonly anchor: string | undefined;
}

export const linksOf = (page: Page): readonly Link[] =>
  [...textOf(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path = "", anchor]) => ({
    path,
    anchor,
  }));

/** Cells of the rows of a page's tables. */
export const rowsOf = (page: Page): readonly (readonly string[])[] =>
  textOf(page)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
