import type { Expr, InSelectExpr, Select } from "sqlite3-parser";
import { lower } from "../language/documents.ts";
import { rewrite, someNode } from "../language/tree.ts";
import { both, brackets, nowhere } from "./make.ts";

/** Longer lists stay what they are: every row becomes a comparison of its own. */
const mostRows = 100;

/**
 * The statement with lists of constant values written as comparisons, which leaves can check and summaries can refute:
 * `a IN (VALUES (1), (2))` as `a IN (1, 2)`, `(a, b) IN (VALUES (1, 2), (3, 4))` as `(a = 1 AND b = 2) OR (a = 3 AND b = 4)`.
 * Constants have neither affinity nor collation, so SQLite compares either form alike: https://sqlite.org/datatype3.html#affinity_of_comparisons.
 */
export const withComparedRows = (select: Select): Select =>
  rewrite(select, (node) => (node.type === "InSelectExpr" ? compared(node) : undefined));

function compared({ lhs, not, rhs }: InSelectExpr): Expr | undefined {
  const { with: ctes, select, compounds, orderBy, limit } = rhs;
  if (ctes !== undefined || compounds !== undefined || orderBy !== undefined || limit !== undefined) return undefined;
  if (select.type !== "SelectValues" || select.values.length > mostRows) return undefined;
  const rows = select.values.map(({ values }) => values);
  const left = lhs.type === "ParenthesizedExpr" ? lhs.exprs : [lhs];
  // What is wrong is SQLite's to say.
  if (rows.some((row) => row.length !== left.length || !row.every(isConstant))) return undefined;
  if (left.length === 1) {
    return {
      type: "InListExpr",
      lhs: withComparedParts(lhs),
      not,
      rhs: rows.map(([value]) => value as Expr),
      span: nowhere,
    };
  }
  if (left.some(isFickle)) return undefined;
  const equal = rows.map((row) =>
    brackets(
      both(
        "And",
        left.map((part, at) => equals(withComparedParts(part), row[at] as Expr)),
      ) as Expr,
    ),
  );
  const any = brackets(both("Or", equal) as Expr);
  return not ? { type: "UnaryExpr", op: "Not", expr: any, span: nowhere } : any;
}

const withComparedParts = (expr: Expr): Expr =>
  rewrite(expr, (node) => (node.type === "InSelectExpr" ? compared(node) : undefined));

const equals = (left: Expr, right: Expr): Expr => ({ type: "BinaryExpr", op: "Equals", left, right, span: nowhere });

const isConstant = (expr: Expr): boolean => {
  if (expr.type === "UnaryExpr" && (expr.op === "Negative" || expr.op === "Positive")) return isConstant(expr.expr);
  return expr.type === "VariableExpr" || expr.type.endsWith("Literal");
};

/** Written more than once it would be something else each time, or take its time as often. */
const isFickle = (expr: Expr): boolean =>
  someNode(
    expr,
    (node) => node.type === "Select" || (node.type === "FunctionCallExpr" && volatile.has(lower(node.name.name))),
  );

const volatile: ReadonlySet<string> = new Set(["random", "randomblob"]);
