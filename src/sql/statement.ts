import type { Select } from "sqlite3-parser";
import { checkQuery } from "./language/check.ts";
import { statementLimits } from "./language/limits.ts";
import { markWords } from "./language/names.ts";
import { type Bindings, bindParameters, type ParameterNumbers, type Parameters } from "./language/parameters.ts";
import { parseSql } from "./language/parse.ts";

/** A statement that may run: checked, its parameters numbered and with values. */
export interface Statement {
  readonly source: string;
  readonly select: Select;
  readonly bindings: Bindings;
  readonly numbers: ParameterNumbers;
  readonly explain: boolean;
}

/** A statement that is checked and waits for its parameters. */
export interface StatementTree {
  readonly source: string;
  readonly select: Select;
  readonly explain: boolean;
}

export function readTree(source: string): StatementTree {
  const parsed = parseSql(source, statementLimits);
  checkQuery(parsed.select);
  return { source, explain: parsed.explain, select: markWords(parsed.select, source) };
}

export const withValues = (tree: StatementTree, parameters: Parameters | undefined): Statement => ({
  ...tree,
  ...bindParameters(tree.select, parameters, statementLimits),
});

export const readStatement = (source: string, parameters: Parameters | undefined): Statement =>
  withValues(readTree(source), parameters);

/**
 * What the result's columns are called: as SQLite says, but an expression without an alias by its own text, where SQLite
 * only saw ours.
 */
export function columnTitles({ source, select }: Statement, seen: readonly string[]): readonly string[] {
  if (select.select.type !== "SelectFrom") return seen;
  const { columns } = select.select;
  const titles = [...seen];
  const firstStar = columns.findIndex(({ type }) => type !== "ExprResultColumn");
  const name = (from: number, to: number): void => {
    const column = columns[from];
    const title =
      column?.type === "ExprResultColumn" && column.alias === undefined ? titleOf(column.expr, source) : undefined;
    if (title !== undefined) titles[to] = title;
  };
  for (let at = 0; at < (firstStar === -1 ? columns.length : firstStar); at++) name(at, at);
  // After a star, columns are counted from the end; between two stars SQLite's own names stand.
  for (let back = 1; firstStar !== -1 && columns[columns.length - back]?.type === "ExprResultColumn"; back++) {
    name(columns.length - back, titles.length - back);
  }
  return titles;
}

type Column = Extract<
  Extract<Select["select"], { type: "SelectFrom" }>["columns"][number],
  { type: "ExprResultColumn" }
>;

function titleOf(expr: Column["expr"], source: string): string | undefined {
  if (expr.type === "Id" || expr.type === "QualifiedExpr") return undefined;
  return source.slice(expr.span.offset, expr.span.offset + expr.span.length);
}
