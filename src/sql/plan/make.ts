import type { Expr, Id, InSelectExpr, SelectTable, VariableExpr } from "sqlite3-parser";

/** Nodes that the planner adds to a tree. They stand nowhere in the source. */
const span = { offset: 0, length: 0, line: 0, col: 0 };
export const nowhere = span;

export const id = (name: string): Id => ({ type: "Id", name, span });
export const whole = (value: number): Expr => ({ type: "NumericLiteral", value: String(value), span });
/** Negative ones as SQLite's grammar has them. */
export const number = (value: number): Expr =>
  value < 0 ? { type: "UnaryExpr", op: "Negative", expr: whole(-value), span } : whole(value);
export const text = (value: string): Expr => ({ type: "StringLiteral", value, span });
export const parameter = (number: number): VariableExpr => ({ type: "VariableExpr", name: `:p${number}`, span });
export const brackets = (expr: Expr): Expr => ({ type: "ParenthesizedExpr", exprs: [expr], span });
/** Unary plus: the value without the affinity of the column that it comes from. */
export const plus = (expr: Expr): Expr => ({ type: "UnaryExpr", op: "Positive", expr, span });
export const collate = (expr: Expr, collation: string): Expr => ({ type: "CollateExpr", expr, collation, span });

export function both(op: "And" | "Or", exprs: readonly Expr[]): Expr | undefined {
  return exprs.reduce<Expr | undefined>(
    (left, right) => (left === undefined ? right : { type: "BinaryExpr", op, left, right, span }),
    undefined,
  );
}

export function call(name: string, args: readonly Expr[], distinct = false): Expr {
  const distinctness = distinct ? "Distinct" : undefined;
  return {
    type: "FunctionCallExpr",
    name: id(name),
    distinctness,
    args,
    orderBy: undefined,
    filterOver: undefined,
    span,
  };
}

export const when = (condition: Expr, value: Expr): Expr => call("iif", [condition, value]);

export const tableNamed = (name: string, alias: string): SelectTable => ({
  type: "TableSelectTable",
  tblName: {
    type: "QualifiedName",
    dbName: undefined,
    objName: { type: "Name", text: name, span },
    alias: undefined,
    span,
  },
  alias: { type: "AsAs", name: { type: "Name", text: alias, span }, span },
  indexed: undefined,
  span,
});

/** `lhs IN (SELECT value FROM json_each(:pN))`: as many values as there are, in one parameter. */
export const inJson = (lhs: Expr, number: number): InSelectExpr => ({
  type: "InSelectExpr",
  lhs,
  not: false,
  rhs: {
    type: "Select",
    with: undefined,
    select: {
      type: "SelectFrom",
      distinctness: undefined,
      columns: [{ type: "ExprResultColumn", expr: id("value"), alias: undefined, span }],
      from: { type: "FromClause", select: jsonEach(number), joins: undefined, span },
      whereClause: undefined,
      groupBy: undefined,
      having: undefined,
      windowClause: undefined,
      span,
    },
    compounds: undefined,
    orderBy: undefined,
    limit: undefined,
    span,
  },
  span,
});

const jsonEach = (number: number): SelectTable => ({
  type: "TableCallSelectTable",
  tblName: {
    type: "QualifiedName",
    dbName: undefined,
    objName: { type: "Name", text: "json_each", span },
    alias: undefined,
    span,
  },
  args: [parameter(number)],
  alias: undefined,
  span,
});
