import type {
  As,
  CommonTableExpr,
  Expr,
  FrameBound,
  FrameClause,
  FromClause,
  FunctionCallExpr,
  FunctionTail,
  JoinedSelectTable,
  OneSelect,
  ResultColumn,
  Select,
  SelectTable,
  SortedColumn,
  Type,
  Window,
} from "sqlite3-parser";
import { lower } from "./documents.ts";

/**
 * A checked tree as SQL. Nothing of the user's text gets through but names, which are quoted, literals, which are
 * written anew, and the words that the lists of check.ts allow. Every inner expression stands in brackets.
 */
export function printSelect(select: Select): string {
  const { with: ctes, compounds = [], orderBy, limit } = select;
  const head = ctes === undefined ? [] : [`WITH ${ctes.recursive ? "RECURSIVE " : ""}${list(ctes.ctes, printCte)}`];
  const arms = compounds.flatMap(({ operator, select: arm }) => [compoundWords[operator], printOne(arm)]);
  const order = orderBy === undefined ? [] : [`ORDER BY ${printOrder(orderBy)}`];
  const cut =
    limit === undefined
      ? []
      : [`LIMIT ${print(limit.expr)}`, ...(limit.offset === undefined ? [] : [`OFFSET ${print(limit.offset)}`])];
  return [...head, printOne(select.select), ...arms, ...order, ...cut].join(" ");
}

const compoundWords = { Union: "UNION", UnionAll: "UNION ALL", Except: "EXCEPT", Intersect: "INTERSECT" } as const;

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const list = <T>(items: readonly T[] | undefined, one: (item: T) => string): string =>
  (items ?? []).map(one).join(", ");

export const printList = (exprs: readonly Expr[] | undefined): string => list(exprs, print);
export const printOrder = (terms: readonly SortedColumn[]): string => list(terms, printSorted);

function printSorted({ expr, order, nulls }: SortedColumn): string {
  const way = order === undefined ? "" : order === "Desc" ? " DESC" : " ASC";
  const where = nulls === undefined ? "" : nulls === "First" ? " NULLS FIRST" : " NULLS LAST";
  return `${print(expr)}${way}${where}`;
}

function printCte({ tblName, columns, materialized, select }: CommonTableExpr): string {
  const names = columns === undefined ? "" : `(${list(columns, ({ colName }) => quoteName(colName.text))})`;
  const how = materialized === "Any" ? "" : materialized === "Yes" ? "MATERIALIZED " : "NOT MATERIALIZED ";
  return `${quoteName(tblName.text)}${names} AS ${how}(${printSelect(select)})`;
}

function printOne(select: OneSelect): string {
  if (select.type === "SelectValues") return `VALUES ${list(select.values, ({ values }) => `(${printList(values)})`)}`;
  const { distinctness, columns, from, whereClause, groupBy, having, windowClause } = select;
  return [
    `SELECT ${distinctness === "Distinct" ? "DISTINCT " : ""}${list(columns, printColumn)}`,
    from === undefined ? "" : `FROM ${printFrom(from)}`,
    whereClause === undefined ? "" : `WHERE ${print(whereClause)}`,
    groupBy === undefined ? "" : `GROUP BY ${printList(groupBy)}`,
    having === undefined ? "" : `HAVING ${print(having)}`,
    windowClause === undefined
      ? ""
      : `WINDOW ${list(windowClause, ({ name, window }) => `${quoteName(name.text)} AS ${printWindow(window)}`)}`,
  ]
    .filter(Boolean)
    .join(" ");
}

function printColumn(column: ResultColumn): string {
  if (column.type === "StarResultColumn") return "*";
  if (column.type === "TableStarResultColumn") return `${quoteName(column.table.text)}.*`;
  return `${print(column.expr)}${printAs(column.alias)}`;
}

const printAs = (alias: As | undefined): string => (alias === undefined ? "" : ` AS ${quoteName(alias.name.text)}`);

export function printFrom({ select, joins = [] }: FromClause): string {
  return [select === undefined ? "" : printTable(select), ...joins.map(printJoin)].join(" ");
}

function printJoin({ operator, table, constraint }: JoinedSelectTable): string {
  const word = operator.type === "CommaJoinOperator" ? "," : joinWords(operator.joinType);
  const on =
    constraint === undefined
      ? ""
      : constraint.type === "OnJoinConstraint"
        ? ` ON ${print(constraint.expr)}`
        : ` USING (${list(constraint.columns, ({ text }) => quoteName(text))})`;
  return `${word} ${printTable(table)}${on}`;
}

/** The bits of SQLite's JT_ constants. */
const JoinType = { CROSS: 2, NATURAL: 4, LEFT: 8, RIGHT: 16 } as const;

function joinWords(type = 0): string {
  const has = (bit: number): boolean => (type & bit) !== 0;
  const side =
    has(JoinType.LEFT) && has(JoinType.RIGHT)
      ? "FULL OUTER "
      : has(JoinType.LEFT)
        ? "LEFT OUTER "
        : has(JoinType.RIGHT)
          ? "RIGHT OUTER "
          : has(JoinType.CROSS)
            ? "CROSS "
            : "";
  return `${has(JoinType.NATURAL) ? "NATURAL " : ""}${side}JOIN`;
}

function printTable(table: SelectTable): string {
  switch (table.type) {
    case "TableSelectTable":
      return quoteName(table.tblName.objName.text) + printAs(table.alias);
    case "TableCallSelectTable":
      return `${quoteName(lower(table.tblName.objName.text))}(${printList(table.args)})${printAs(table.alias)}`;
    case "SelectSelectTable":
      return `(${printSelect(table.select)})${printAs(table.alias)}`;
    case "SubSelectTable":
      return `(${printFrom(table.from)})${printAs(table.alias)}`;
  }
}

const binaryWords = {
  Add: "+",
  And: "AND",
  ArrowRight: "->",
  ArrowRightShift: "->>",
  BitwiseAnd: "&",
  BitwiseOr: "|",
  Concat: "||",
  Equals: "=",
  Divide: "/",
  Greater: ">",
  GreaterEquals: ">=",
  Is: "IS",
  IsNot: "IS NOT",
  LeftShift: "<<",
  Less: "<",
  LessEquals: "<=",
  Modulus: "%",
  Multiply: "*",
  NotEquals: "<>",
  Or: "OR",
  RightShift: ">>",
  Subtract: "-",
} as const;

const unaryWords = { BitwiseNot: "~", Negative: "-", Not: "NOT", Positive: "+" } as const;

const not = (is: boolean): string => (is ? "NOT " : "");

/** An operand: in brackets unless nothing around it could take it apart. */
function inner(expr: Expr): string {
  const text = print(expr);
  return bare.has(expr.type) ? text : `(${text})`;
}

const bare: ReadonlySet<string> = new Set([
  ..."NumericLiteral StringLiteral BlobLiteral NullLiteral KeywordLiteral Id QualifiedExpr VariableExpr".split(" "),
  ..."ParenthesizedExpr SubqueryExpr CastExpr CaseExpr".split(" "),
]);

export function print(expr: Expr): string {
  switch (expr.type) {
    case "NumericLiteral":
      return printNumber(expr.value);
    case "StringLiteral":
      return quoteText(expr.value);
    case "BlobLiteral":
      return `x'${Buffer.from(expr.bytes).toString("hex")}'`;
    case "NullLiteral":
      return "NULL";
    case "KeywordLiteral":
      return expr.value === "TRUE" ? "TRUE" : "FALSE";
    case "CurrentDateLiteral":
      return "CURRENT_DATE";
    case "CurrentTimeLiteral":
      return "CURRENT_TIME";
    case "CurrentTimestampLiteral":
      return "CURRENT_TIMESTAMP";
    case "Id":
      return quoteName(expr.name);
    case "QualifiedExpr":
      return `${quoteName(expr.table.text)}.${quoteName(expr.column.text)}`;
    case "VariableExpr":
      return printVariable(expr.name);
    case "ParenthesizedExpr":
      return `(${printList(expr.exprs)})`;
    case "SubqueryExpr":
      return `(${printSelect(expr.select)})`;
    case "ExistsExpr":
      return `EXISTS (${printSelect(expr.select)})`;
    case "UnaryExpr":
      return `${unaryWords[expr.op]} ${inner(expr.expr)}`;
    case "BinaryExpr":
      return `${inner(expr.left)} ${binaryWords[expr.op]} ${inner(expr.right)}`;
    case "BetweenExpr":
      return `${inner(expr.lhs)} ${not(expr.not)}BETWEEN ${inner(expr.start)} AND ${inner(expr.end)}`;
    case "IsNullExpr":
      return `${inner(expr.expr)} ISNULL`;
    case "NotNullExpr":
      return `${inner(expr.expr)} NOTNULL`;
    case "CollateExpr":
      return `${inner(expr.expr)} COLLATE ${lower(expr.collation)}`;
    case "CastExpr":
      return `CAST(${print(expr.expr)} AS ${printType(expr.typeName)})`;
    case "CaseExpr":
      return [
        `CASE ${expr.base === undefined ? "" : inner(expr.base)}`,
        ...expr.whenThenPairs.map(({ when, then }) => `WHEN ${inner(when)} THEN ${inner(then)}`),
        expr.elseExpr === undefined ? "" : `ELSE ${inner(expr.elseExpr)}`,
        "END",
      ].join(" ");
    case "LikeExpr": {
      const escaped = expr.escape === undefined ? "" : ` ESCAPE ${inner(expr.escape)}`;
      return `${inner(expr.lhs)} ${not(expr.not)}${expr.op === "Glob" ? "GLOB" : "LIKE"} ${inner(expr.rhs)}${escaped}`;
    }
    case "InListExpr":
      return `${inner(expr.lhs)} ${not(expr.not)}IN (${printList(expr.rhs)})`;
    case "InSelectExpr":
      return `${inner(expr.lhs)} ${not(expr.not)}IN (${printSelect(expr.rhs)})`;
    case "InTableExpr": {
      const call = expr.args === undefined ? "" : `(${printList(expr.args)})`;
      return `${inner(expr.lhs)} ${not(expr.not)}IN ${quoteName(expr.rhs.objName.text)}${call}`;
    }
    case "FunctionCallExpr":
      return printCall(expr);
    case "FunctionCallStarExpr":
      return `${quoteName(lower(expr.name.name))}(*)${printTail(expr.filterOver)}`;
    default:
      throw new Error(`no text for ${expr.type}`);
  }
}

function printNumber(value: string): string {
  if (/^(0[xX][0-9a-fA-F]+|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/.test(value)) return value;
  throw new Error("no text for this number");
}

function printVariable(name: string): string {
  if (/^:p\d+$/.test(name)) return name;
  throw new Error("a parameter was not numbered");
}

function printType(type: Type | undefined): string {
  if (type === undefined) return '""';
  const { name, size } = type;
  const sizes =
    size === undefined ? [] : size.type === "MaxSizeTypeSize" ? [size.size] : ([size.size1, size.size2] as const);
  return sizes.length === 0 ? `"${name}"` : `"${name}"(${printList(sizes)})`;
}

function printCall({ name, distinctness, args, orderBy, filterOver }: FunctionCallExpr): string {
  const distinct = distinctness === "Distinct" ? "DISTINCT " : "";
  const within =
    orderBy?.type === "WithinGroupFunctionCallOrder" ? ` WITHIN GROUP (ORDER BY ${print(orderBy.expr)})` : "";
  const order = orderBy?.type === "SortListFunctionCallOrder" ? ` ORDER BY ${printOrder(orderBy.columns)}` : "";
  return `${quoteName(lower(name.name))}(${distinct}${printList(args)}${order})${within}${printTail(filterOver)}`;
}

function printTail(tail: FunctionTail | undefined): string {
  if (tail === undefined) return "";
  const { filterClause, overClause } = tail;
  const filter = filterClause === undefined ? "" : ` FILTER (WHERE ${print(filterClause)})`;
  if (overClause === undefined) return filter;
  const over = overClause.type === "NameOver" ? quoteName(overClause.name.text) : printWindow(overClause.window);
  return `${filter} OVER ${over}`;
}

function printWindow({ base, partitionBy, orderBy, frameClause }: Window): string {
  const parts = [
    base === undefined ? "" : quoteName(base.text),
    partitionBy === undefined ? "" : `PARTITION BY ${printList(partitionBy)}`,
    orderBy === undefined ? "" : `ORDER BY ${printOrder(orderBy)}`,
    frameClause === undefined ? "" : printFrame(frameClause),
  ];
  return `(${parts.filter(Boolean).join(" ")})`;
}

const excludeWords = { NoOthers: "NO OTHERS", CurrentRow: "CURRENT ROW", Group: "GROUP", Ties: "TIES" } as const;

function printFrame({ mode, start, end, exclude }: FrameClause): string {
  const extent = end === undefined ? printBound(start) : `BETWEEN ${printBound(start)} AND ${printBound(end)}`;
  return `${mode.toUpperCase()} ${extent}${exclude === undefined ? "" : ` EXCLUDE ${excludeWords[exclude]}`}`;
}

function printBound(bound: FrameBound): string {
  switch (bound.type) {
    case "CurrentRowFrameBound":
      return "CURRENT ROW";
    case "UnboundedFollowingFrameBound":
      return "UNBOUNDED FOLLOWING";
    case "UnboundedPrecedingFrameBound":
      return "UNBOUNDED PRECEDING";
    case "FollowingFrameBound":
      return `${print(bound.expr)} FOLLOWING`;
    case "PrecedingFrameBound":
      return `${print(bound.expr)} PRECEDING`;
  }
}
