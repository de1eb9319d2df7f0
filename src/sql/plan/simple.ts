import type { Expr, Id, ResultColumn, Select, SelectFrom, SortedColumn } from "sqlite3-parser";
import { columnNames, type DocumentColumn, isDocumentColumn, lower } from "../language/documents.ts";
import { isAggregateCall } from "../language/functions.ts";
import { print } from "../language/print.ts";
import { type Node, rewrite, someNode, walk } from "../language/tree.ts";
import { indexable } from "./indexable.ts";
import { brackets, id } from "./make.ts";
import { aliasOf, onlySource, type Source } from "./sources.ts";

/**
 * A SELECT over the documents alone, with its names resolved: every name that is left is a column of documents. Aliases
 * have been replaced by what they stand for, `*` by the columns.
 */
export interface Simple {
  readonly columns: readonly Expr[];
  readonly distinct: boolean;
  readonly where: Expr | undefined;
  readonly groupBy: readonly Expr[];
  readonly having: Expr | undefined;
  readonly orderBy: readonly OrderTerm[];
  readonly limit: Select["limit"];
  /** Whether rows are put together: GROUP BY, HAVING or an aggregate somewhere. */
  readonly aggregates: boolean;
}

export interface OrderTerm {
  /** Which result column it is, from 0, when it is one. */
  readonly column: number | undefined;
  readonly expr: Expr;
  /** A collation given to the term beside what its column has. */
  readonly collation: string | undefined;
  readonly sorted: SortedColumn;
}

/** Undefined for whatever is not so simple: joins, subqueries, windows, compounds, common table expressions. */
export function simpleOf(select: Select, sources: readonly Source[]): Simple | undefined {
  const { with: ctes, select: core, compounds = [], orderBy = [], limit } = select;
  if (ctes !== undefined || compounds.length > 0 || core.type !== "SelectFrom" || sources.length !== 1)
    return undefined;
  const table = onlySource(core);
  if (table === undefined || core.windowClause !== undefined || hasInnerQuery(select)) return undefined;
  const names = new Names(core, aliasOf(table));
  const resolved = {
    columns: names.columns,
    distinct: core.distinctness === "Distinct",
    where: core.whereClause && indexable(names.resolve(core.whereClause)),
    groupBy: (core.groupBy ?? []).map((expr) => names.resolve(names.atPosition(expr) ?? expr)),
    having: core.having && names.resolve(core.having),
    orderBy: orderBy.map((sorted) => names.term(sorted)),
    limit,
  };
  const aggregated = [...resolved.columns, ...resolved.orderBy.map(({ expr }) => expr)].some(hasAggregate);
  return { ...resolved, aggregates: core.groupBy !== undefined || core.having !== undefined || aggregated };
}

const hasInnerQuery = (select: Select): boolean =>
  someNode(
    select,
    (node) =>
      (node.type === "Select" && node !== select) ||
      node.type === "InTableExpr" ||
      (node.type === "FunctionTail" && node.overClause !== undefined),
  );

export const hasAggregate = (expr: Expr): boolean => someNode(expr, isAggregate);

export const isAggregate = (node: Node): boolean =>
  (node.type === "FunctionCallExpr" && isAggregateCall(lower(node.name.name), node.args?.length ?? 0)) ||
  node.type === "FunctionCallStarExpr";

/** The documents' columns that an expression reads. */
export function columnsIn(exprs: readonly (Expr | undefined)[]): readonly DocumentColumn[] {
  const found = new Set<string>();
  for (const expr of exprs) {
    if (expr === undefined) continue;
    walk(expr, (node) => {
      if (node.type === "Id") found.add(node.name);
    });
  }
  return columnNames.filter((name) => found.has(name));
}

/** SQLite's rules for names: https://sqlite.org/lang_select.html. */
class Names {
  readonly columns: readonly Expr[];
  readonly #aliases = new Map<string, number>();

  constructor(core: SelectFrom, alias: string) {
    const columns = core.columns.flatMap((column) => expand(column, alias));
    columns.forEach(({ name }, at) => {
      if (name !== undefined && !this.#aliases.has(name)) this.#aliases.set(name, at);
    });
    this.columns = columns.map(({ expr }) => bare(expr));
  }

  /** A name is a column of the documents first, then an alias. */
  resolve(expr: Expr): Expr {
    return rewrite(bare(expr), (node) => (node.type === "Id" ? this.#named(node) : undefined));
  }

  #named(node: Id): Expr | undefined {
    if (isDocumentColumn(node.name)) return undefined;
    const at = this.#aliases.get(lower(node.name));
    return at === undefined ? undefined : brackets(this.columns[at] as Expr);
  }

  /** A whole number as a term of GROUP BY or ORDER BY is the number of a result column. */
  atPosition(expr: Expr): Expr | undefined {
    const at = positionOf(expr);
    return at === undefined ? undefined : this.columns[at];
  }

  /** A term of ORDER BY is an alias first, then the number of a result column, then an expression. */
  term(sorted: SortedColumn): OrderTerm {
    const { expr: outer, collation } = withoutCollation(sorted.expr);
    const alias = outer.type === "Id" ? this.#aliases.get(lower(outer.name)) : undefined;
    const named = alias ?? positionOf(sorted.expr);
    const expr = named === undefined ? this.resolve(sorted.expr) : (this.columns[named] as Expr);
    const same = this.columns.findIndex((column) => print(column) === print(expr));
    const column = named ?? (same === -1 ? undefined : same);
    return { column, expr, collation: named === undefined ? undefined : collation, sorted };
  }
}

function expand(column: ResultColumn, alias: string): readonly { readonly expr: Expr; readonly name?: string }[] {
  if (column.type !== "ExprResultColumn") return columnNames.map((name) => ({ expr: id(name) }));
  const { expr, alias: as } = column;
  return [as === undefined ? { expr } : { expr, name: lower(as.name.text) }].map((found) => ({ ...found, alias }));
}

/** Columns by their plain names, in lower case. */
const bare = (expr: Expr): Expr =>
  rewrite(expr, (node) => {
    if (node.type === "QualifiedExpr") return id(lower(node.column.text));
    return node.type === "Id" && isDocumentColumn(lower(node.name)) ? id(lower(node.name)) : undefined;
  });

function positionOf(expr: Expr): number | undefined {
  if (expr.type === "NumericLiteral" && /^\d+$/.test(expr.value)) return Number(expr.value) - 1;
  if (expr.type === "UnaryExpr" && expr.op === "Positive") return positionOf(expr.expr);
  const [only, ...more] = expr.type === "ParenthesizedExpr" ? expr.exprs : [];
  return only === undefined || more.length > 0 ? undefined : positionOf(only);
}

/** An expression in brackets is what is in them. */
export function opened(expr: Expr): Expr {
  const [only, ...more] = expr.type === "ParenthesizedExpr" ? expr.exprs : [];
  return only === undefined || more.length > 0 ? expr : opened(only);
}

export function withoutCollation(expr: Expr): { readonly expr: Expr; readonly collation: string | undefined } {
  const inner = opened(expr);
  if (inner.type !== "CollateExpr") return { expr: inner, collation: undefined };
  return { expr: opened(inner.expr), collation: inner.collation };
}

/** A collation below the top of an expression reaches its top by rules that the planner leaves to SQLite. */
export const hidesCollation = (expr: Expr): boolean =>
  someNode(withoutCollation(expr).expr, (node) => node.type === "CollateExpr");
