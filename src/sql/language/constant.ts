import type { Expr } from "sqlite3-parser";
import type { SqlValue } from "./values.ts";

/**
 * A literal's or parameter's value; undefined for everything else. How a number is read is the caller's: who must know it
 * exactly takes fewer spellings than who needs a bound. `numberOf` gives undefined for a spelling that it does not take.
 */
export function constantOf(
  expr: Expr,
  values: Readonly<Record<string, SqlValue>>,
  numberOf: (text: string) => bigint | number | undefined,
): SqlValue | undefined {
  switch (expr.type) {
    case "ParenthesizedExpr": {
      const [only, ...more] = expr.exprs;
      return only !== undefined && more.length === 0 ? constantOf(only, values, numberOf) : undefined;
    }
    case "StringLiteral":
      return expr.value;
    case "BlobLiteral":
      return expr.bytes;
    case "NullLiteral":
      return null;
    case "KeywordLiteral":
      return expr.value === "TRUE" ? 1n : 0n;
    case "NumericLiteral":
      return numberOf(expr.value);
    case "UnaryExpr": {
      const inner = expr.op === "Negative" ? constantOf(expr.expr, values, numberOf) : undefined;
      return typeof inner === "bigint" || typeof inner === "number" ? -inner : undefined;
    }
    case "VariableExpr":
      return values[expr.name.slice(1)];
    default:
      return undefined;
  }
}
