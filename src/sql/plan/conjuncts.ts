import type { Expr, FromClause, Select, SelectFrom, SelectTable } from "sqlite3-parser";
import { isDocumentColumn, lower } from "../language/documents.ts";
import { aggregateFunctions, windowFunctions } from "../language/functions.ts";
import { rewrite, someNode } from "../language/tree.ts";
import { both, id, inJson } from "./make.ts";
import { aliasOf, onlySource, type Source } from "./sources.ts";

/** The parts of a condition that all have to hold. */
export function conjunctsOf(expr: Expr | undefined): readonly Expr[] {
  if (expr === undefined) return [];
  if (expr.type === "BinaryExpr" && expr.op === "And") return [...conjunctsOf(expr.left), ...conjunctsOf(expr.right)];
  const [only, ...more] = expr.type === "ParenthesizedExpr" ? expr.exprs : [];
  return only !== undefined && more.length === 0 ? conjunctsOf(only) : [expr];
}

/** The bits of a join's type that may keep rows which its condition refuses. */
const outer = 8 | 16 | 32;
const natural = 4;

const joinTypes = ({ joins = [] }: FromClause): number =>
  joins.reduce((bits, { operator }) => {
    const type = operator.type === "TypedJoinJoinOperator" ? operator.joinType : undefined;
    return bits | (type ?? 0);
  }, 0);

/** Joins under which a condition on one table alone may be checked before the join: inner ones without USING. */
export function joinsPlainly(from: FromClause): boolean {
  const using = (from.joins ?? []).some(({ constraint }) => constraint?.type === "UsingJoinConstraint");
  return !using && (joinTypes(from) & (outer | natural)) === 0;
}

/** By the name of a search's table: which `:pN` holds its ids. */
export type FoundIds = ReadonlyMap<string, number>;

/** What must hold of a document's row for this source to use it; names without their table. */
export function conditionOf({ within, alias }: Source, searches: FoundIds): Expr | undefined {
  if (within?.from === undefined) return undefined;
  const byUsing = usingIds(within.from, searches);
  if (!joinsPlainly(within.from)) return byUsing;
  const own = conditionsOf(within).flatMap((expr) =>
    readsOnly(expr, alias) ? [bareNames(expr)] : idsOf(expr, alias, within.from as FromClause, searches),
  );
  return both("And", own);
}

/** `documents JOIN search USING (id)`: no other document than those that were found. */
function usingIds({ select, joins = [] }: FromClause, searches: FoundIds): Expr | undefined {
  const [join, ...more] = joins;
  if (join === undefined || more.length > 0 || select === undefined) return undefined;
  const { constraint, operator, table } = join;
  const type = operator.type === "TypedJoinJoinOperator" ? (operator.joinType ?? 0) : 0;
  if (constraint?.type !== "UsingJoinConstraint" || (type & (outer | natural)) !== 0) return undefined;
  if (!constraint.columns.some(({ text }) => lower(text) === "id")) return undefined;
  const number = [select, table].map((side) => searchOf(side, searches)).find((found) => found !== undefined);
  return number === undefined ? undefined : inJson(id("id"), number);
}

const searchOf = (table: SelectTable, searches: FoundIds): number | undefined =>
  table.type === "TableSelectTable" ? searches.get(table.tblName.objName.text) : undefined;

/** `d.id = search.id`, and `id IN (SELECT id FROM search)`. */
function idsOf(expr: Expr, alias: string, from: FromClause, searches: FoundIds): readonly Expr[] {
  const tables = [from.select, ...(from.joins ?? []).map(({ table }) => table)];
  const named = (name: string): number | undefined =>
    tables
      .filter((table) => table?.type === "TableSelectTable" && aliasOf(table) === lower(name))
      .map((table) => searchOf(table as SelectTable, searches))
      .find((number) => number !== undefined);
  const isId = (side: Expr, table: (name: string) => boolean): boolean =>
    side.type === "QualifiedExpr" && lower(side.column.text) === "id" && table(lower(side.table.text));
  if (expr.type === "BinaryExpr" && expr.op === "Equals") {
    for (const [mine, theirs] of [
      [expr.left, expr.right],
      [expr.right, expr.left],
    ] as const) {
      if (!isId(mine, (name) => name === alias) || theirs.type !== "QualifiedExpr") continue;
      const number = isId(theirs, () => true) ? named(theirs.table.text) : undefined;
      if (number !== undefined) return [inJson(id("id"), number)];
    }
  }
  const number = expr.type === "InSelectExpr" && !expr.not ? foundBy(expr.rhs, searches) : undefined;
  const lhs = expr.type === "InSelectExpr" ? expr.lhs : undefined;
  const isMine =
    lhs !== undefined && (isId(lhs, (name) => name === alias) || (lhs.type === "Id" && lower(lhs.name) === "id"));
  return number !== undefined && isMine ? [inJson(id("id"), number)] : [];
}

/** `SELECT id FROM search`, and nothing more than that. */
function foundBy({ with: ctes, select, compounds, limit }: Select, searches: FoundIds): number | undefined {
  if (ctes !== undefined || compounds !== undefined || limit !== undefined || select.type !== "SelectFrom")
    return undefined;
  const [column, ...more] = select.columns;
  const table = onlySource(select);
  if (table === undefined || more.length > 0 || select.whereClause !== undefined || select.groupBy !== undefined)
    return undefined;
  const isId = column?.type === "ExprResultColumn" && column.expr.type === "Id" && lower(column.expr.name) === "id";
  return isId ? searchOf(table, searches) : undefined;
}

export function conditionsOf({ whereClause, from }: SelectFrom): readonly Expr[] {
  const on = (from?.joins ?? []).flatMap(({ constraint }) =>
    constraint?.type === "OnJoinConstraint" ? conjunctsOf(constraint.expr) : [],
  );
  return [...conjunctsOf(whereClause), ...on];
}

/**
 * True for a condition over columns of this table and constants. A name without a table is the document's when it is
 * one of its columns: were it another table's as well, SQLite would refuse the statement as ambiguous.
 */
export function readsOnly(expr: Expr, alias: string): boolean {
  return !someNode(expr, (node) => {
    if (node.type === "Select" || node.type === "InTableExpr") return true;
    if (node.type === "FunctionCallStarExpr" || node.type === "FunctionTail") return true;
    if (node.type === "FunctionCallExpr") return cannotMove(lower(node.name.name), node.args?.length ?? 0);
    if (node.type === "QualifiedExpr") return lower(node.table.text) !== alias || !isColumn(node.column.text);
    return node.type === "Id" && !isColumn(node.name);
  });
}

const isColumn = (name: string): boolean => isDocumentColumn(lower(name));
/** Aggregates, and functions that give something else each time. */
const cannotMove = (name: string, args: number): boolean =>
  windowFunctions.has(name) ||
  name === "random" ||
  name === "randomblob" ||
  (aggregateFunctions.has(name) && !((name === "min" || name === "max") && args > 1));

/** Columns of documents without the name of their table. */
export const bareNames = (expr: Expr): Expr =>
  rewrite(expr, (node) => (node.type === "QualifiedExpr" ? id(lower(node.column.text)) : undefined));
