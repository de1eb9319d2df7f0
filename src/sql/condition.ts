import type { Expr, Select, SelectFrom } from "sqlite3-parser";
import { isMosaicError, MosaicError } from "../base/index.ts";
import { meant } from "./language/check.ts";
import { columnNames, documentsName, isDocumentColumn, lower } from "./language/documents.ts";
import type { ParameterNumbers, Parameters } from "./language/parameters.ts";
import { someNode, walk } from "./language/tree.ts";
import type { SqlValue } from "./language/values.ts";
import { bareNames, readsOnly } from "./plan/conjuncts.ts";
import { indexable } from "./plan/indexable.ts";
import { fixMoment } from "./plan/moment.ts";
import { takeSearches, type WantedVector } from "./plan/searches.ts";
import { readStatement } from "./statement.ts";

/** An expression over the columns of documents: checked, its parameters numbered. */
export interface DocumentExpression {
  readonly expr: Expr;
  readonly bindings: ReadonlyMap<number, SqlValue>;
  readonly vectors: readonly WantedVector[];
  readonly numbers: ParameterNumbers;
}

export interface ExpressionSource {
  /** What the caller calls it: `where`, or `sql` of a scorer. */
  readonly name: string;
  readonly sql: string;
  readonly params?: Parameters | undefined;
  /** What `now` means: `YYYY-MM-DD HH:MM:SS.SSS`. */
  readonly moment: string;
}

/**
 * Reads a `where`, or any other expression over the columns of documents. Throws `sql_syntax`, `sql_not_allowed` (also for
 * subqueries, aggregates, windows, searches and anything that follows the expression), `unknown_column`, `unknown_function`.
 */
export function readExpression({ name, sql, params, moment }: ExpressionSource): DocumentExpression {
  const statement = onItsOwnLine(name, () => readStatement(`${before}\n${sql}`, params));
  const fixed = fixMoment(statement.select, moment, statement.bindings);
  const core = fixed.select;
  const expr = core.type === "SelectFrom" ? core.whereClause : undefined;
  if (core.type !== "SelectFrom" || expr === undefined || statement.explain || hasMore(fixed, core)) {
    throw refused(`${name} is one expression, and nothing after it.`);
  }
  if (someNode(expr, ({ type }) => type === "Select" || type === "InTableExpr")) {
    throw refused(`${name} can't hold a subquery.`);
  }
  const { select, vectors } = takeSearches(fixed, statement.bindings);
  const taken = (select.select as SelectFrom).whereClause as Expr;
  const column = unknownColumn(taken);
  if (column !== undefined) {
    const detail = `There is no column ${JSON.stringify(column)}${meant(column, columnNames)}.`;
    throw new MosaicError("invalid", "read SQL", { code: "unknown_column", detail });
  }
  if (!readsOnly(taken, documentsName)) {
    throw refused(
      `${name} can hold columns of documents, values and functions: no aggregate, window function or random().`,
    );
  }
  return { expr: indexable(bareNames(taken)), bindings: statement.bindings, vectors, numbers: statement.numbers };
}

/** A name that is no column of documents, if there is one. */
function unknownColumn(expr: Expr): string | undefined {
  let found: string | undefined;
  walk(expr, (node) => {
    const name = node.type === "Id" ? node.name : node.type === "QualifiedExpr" ? node.column.text : undefined;
    if (name !== undefined && !isDocumentColumn(lower(name))) found ??= name;
  });
  return found;
}

const before = "SELECT 1 FROM documents WHERE";

const hasMore = (select: Select, core: SelectFrom): boolean =>
  select.with !== undefined ||
  (select.compounds ?? []).length > 0 ||
  (select.orderBy ?? []).length > 0 ||
  select.limit !== undefined ||
  core.groupBy !== undefined ||
  core.having !== undefined ||
  core.windowClause !== undefined;

const refused = (detail: string): MosaicError =>
  new MosaicError("invalid", "read SQL", { code: "sql_not_allowed", detail });

/** Mistakes are told by the line of the expression, which stands below a line of ours. */
function onItsOwnLine<T>(name: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (!isMosaicError(error) || error.code !== "sql_syntax") throw error;
    const detail = error.detail.replace(
      /\(line (\d+), column/,
      (_all, line: string) => `(${name}, line ${Math.max(1, Number(line) - 1)}, column`,
    );
    throw new MosaicError("invalid", "read SQL", { code: "sql_syntax", detail });
  }
}
