import type { Expr, Select } from "sqlite3-parser";
import {
  columnNames,
  type DocumentColumn,
  documentColumns,
  documentsName,
  isDocumentColumn,
  lower,
} from "../language/documents.ts";
import { print, printSelect } from "../language/print.ts";
import { type Node, walk } from "../language/tree.ts";
import { conditionOf, conjunctsOf, type FoundIds } from "./conjuncts.ts";
import { indexable } from "./indexable.ts";
import { both } from "./make.ts";
import type { Source } from "./sources.ts";
import type { SqlPlan } from "./sql-plan.ts";

/**
 * The columns that the statement names, of the rows that can matter, come to the root, and SQLite runs the statement
 * there as it is.
 */
export function gatherPlan(select: Select, sources: readonly Source[], searches: FoundIds): SqlPlan {
  const rootSql = printSelect(select);
  if (sources.length === 0) return { strategy: "none", leaf: null, rootSql };
  const columns = columnsOf(select);
  const whole = conditionOfAll(sources, searches);
  const condition = whole && indexable(whole);
  const where = condition === undefined ? "" : ` WHERE ${print(condition)}`;
  return {
    strategy: "gather",
    leaf: {
      sql: `SELECT ${columns.map((name) => `"${name}"`).join(", ")} FROM "documents"${where}`,
      part: { name: documentsName, columns: columns.map((name) => ({ name, type: documentColumns[name] })) },
      condition,
      conjuncts: conjunctsOf(condition),
      pushed: conjunctsOf(condition).map(print),
      columns,
    },
    rootSql,
  };
}

/** A row matters when it matters to any place that reads the documents. */
function conditionOfAll(sources: readonly Source[], searches: FoundIds): Expr | undefined {
  const conditions = sources.map((source) => conditionOf(source, searches));
  return conditions.every((condition) => condition !== undefined) ? both("Or", conditions) : undefined;
}

/** Columns that may be read: by name, or all where a star or a natural join asks for whatever there is. */
function columnsOf(select: Select): readonly DocumentColumn[] {
  const named = new Set<DocumentColumn>();
  let all = false;
  const name = (text: string): void => {
    const column = lower(text);
    if (isDocumentColumn(column)) named.add(column);
  };
  walk(select, (node) => {
    if (node.type === "Id") name(node.name);
    if (node.type === "QualifiedExpr") name(node.column.text);
    if (node.type === "UsingJoinConstraint") for (const { text } of node.columns) name(text);
    all ||= asksForAll(node);
  });
  if (all) return columnNames;
  // Rows have to be counted even where nothing of them is read.
  return named.size === 0 ? ["id"] : columnNames.filter((column) => named.has(column));
}

const natural = 4;

const asksForAll = (node: Node): boolean =>
  node.type === "StarResultColumn" ||
  node.type === "TableStarResultColumn" ||
  node.type === "InTableExpr" ||
  (node.type === "TypedJoinJoinOperator" && ((node.joinType ?? 0) & natural) !== 0);
