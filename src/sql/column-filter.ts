import type { Expr, LikeExpr } from "sqlite3-parser";
import { type ColumnFilter, type ColumnTest, type Constant, keyPrefix } from "../shard/index.ts";
import { constantOf } from "./language/constant.ts";
import { mirrored } from "./language/mirrored.ts";
import type { SqlValue } from "./language/values.ts";
import { keyOf } from "./plan/indexable.ts";
import { opened } from "./plan/simple.ts";
import type { BoundValues } from "./process/messages.ts";

/**
 * A condition as ranges of values of columns: comparisons, IN, BETWEEN, NULL tests and LIKE 'prefix%' of created_at, updated_at,
 * word_count and keys of metadata with constants, and AND, OR, NOT over them. Undefined for whatever else there is in it: that is
 * SQLite's to answer. A row is NULL to a condition as it is to SQLite: the filter keeps those for which it is true.
 */
export function columnFilter(condition: Expr, values: BoundValues): ColumnFilter | undefined {
  try {
    return new Reader(values).when(condition, true);
  } catch (error) {
    if (error === beyond) return undefined;
    throw error;
  }
}

/** Thrown where a part of the condition is none for columns. */
const beyond = new RangeError("not a condition on columns");

const never: ColumnFilter = { kind: "never" };
const always: ColumnFilter = { kind: "always" };

interface Column {
  readonly name: string;
  /** How SQLite changes what the column is compared with: https://sqlite.org/datatype3.html#affinity. */
  readonly affinity: "text" | "numeric" | "none";
}

class Reader {
  readonly #values: BoundValues;

  constructor(values: BoundValues) {
    this.#values = values;
  }

  /** The rows for which an expression is true, or false; by De Morgan, which holds with NULL too. */
  when(expr: Expr, wanted: boolean): ColumnFilter {
    switch (expr.type) {
      case "ParenthesizedExpr":
        return this.when(theOnly(expr.exprs), wanted);
      case "UnaryExpr":
        if (expr.op !== "Not") throw beyond;
        return this.when(expr.expr, !wanted);
      case "BinaryExpr":
        if (expr.op !== "And" && expr.op !== "Or") return this.#comparison(expr.left, expr.op, expr.right, wanted);
        return joined((expr.op === "And") === wanted, [this.when(expr.left, wanted), this.when(expr.right, wanted)]);
      case "BetweenExpr": {
        const inside = expr.not !== wanted;
        return joined(inside, [
          this.#comparison(expr.lhs, "GreaterEquals", expr.start, inside),
          this.#comparison(expr.lhs, "LessEquals", expr.end, inside),
        ]);
      }
      case "InListExpr":
        return this.#inList(columnOf(expr.lhs), expr.rhs ?? [], expr.not !== wanted);
      case "IsNullExpr":
        return test(columnOf(expr.expr), { kind: wanted ? "null" : "value" });
      case "NotNullExpr":
        return test(columnOf(expr.expr), { kind: wanted ? "value" : "null" });
      case "LikeExpr":
        return this.#like(expr, expr.not !== wanted);
      default:
        throw beyond;
    }
  }

  #comparison(left: Expr, op: string, right: Expr, wanted: boolean): ColumnFilter {
    // `x IS TRUE` asks for the truth of x, and compares nothing.
    if ((op === "Is" || op === "IsNot") && opened(right).type === "KeywordLiteral") throw beyond;
    const column = findColumn(left);
    if (column !== undefined) return compared(column, op, this.#constant(right), wanted);
    const turned = mirrored[op];
    if (turned === undefined) throw beyond;
    return compared(columnOf(right), turned, this.#constant(left), wanted);
  }

  /** NULL in the list: nothing is surely not in it. */
  #inList(column: Column, list: readonly Expr[], inside: boolean): ColumnFilter {
    const values = list.map((expr) => this.#constant(expr));
    if (list.length === 0) return inside ? never : always;
    if (!inside && values.includes(null)) return never;
    const own = values.flatMap((value) => (value === null ? [] : [converted(column, value)]));
    return test(column, { kind: inside ? "equal" : "other", values: own });
  }

  #like({ lhs, rhs, op, escape: escaped }: LikeExpr, like: boolean): ColumnFilter {
    const pattern = this.#constant(rhs);
    const prefix = typeof pattern === "string" ? /^([^%_\0]{1,1000})%$/.exec(pattern)?.[1] : undefined;
    if (op !== "Like" || escaped !== undefined || prefix === undefined) throw beyond;
    return test(columnOf(lhs), { kind: "begins", prefix, not: !like });
  }

  #constant(expr: Expr): SqlValue {
    const value = constantOf(expr, this.#values, numberOf);
    if (value === undefined) throw beyond;
    return value;
  }
}

const theOnly = ([only, ...more]: readonly Expr[]): Expr => {
  if (only === undefined || more.length > 0) throw beyond;
  return only;
};

const joined = (and: boolean, parts: readonly ColumnFilter[]): ColumnFilter => ({ kind: and ? "and" : "or", parts });
const test = ({ name }: Column, wanted: ColumnTest): ColumnFilter => ({ kind: "column", column: name, test: wanted });

function columnOf(expr: Expr): Column {
  const column = findColumn(expr);
  if (column === undefined) throw beyond;
  return column;
}

function findColumn(expr: Expr): Column | undefined {
  const inner = opened(expr);
  if (inner.type === "Id") {
    if (inner.name === "created_at" || inner.name === "updated_at") return { name: inner.name, affinity: "text" };
    return inner.name === "word_count" ? { name: inner.name, affinity: "numeric" } : undefined;
  }
  const key = keyOf(inner);
  return key === undefined ? undefined : { name: `${keyPrefix}${key}`, affinity: "none" };
}

/** The comparison that is true where this one is false, NULL aside. */
const opposite: Readonly<Record<string, string>> = {
  Equals: "NotEquals",
  NotEquals: "Equals",
  Is: "IsNot",
  IsNot: "Is",
  Less: "GreaterEquals",
  LessEquals: "Greater",
  Greater: "LessEquals",
  GreaterEquals: "Less",
};

function compared(column: Column, op: string, value: SqlValue, wanted: boolean): ColumnFilter {
  const meant = wanted ? op : opposite[op];
  if (value === null) {
    if (meant === "Is") return test(column, { kind: "null" });
    if (meant === "IsNot") return test(column, { kind: "value" });
    if (meant === undefined) throw beyond;
    return never;
  }
  const constant = converted(column, value);
  switch (meant) {
    case "Equals":
    case "Is":
      return test(column, { kind: "equal", values: [constant] });
    case "NotEquals":
      return test(column, { kind: "other", values: [constant] });
    case "IsNot":
      return joined(false, [test(column, { kind: "null" }), test(column, { kind: "other", values: [constant] })]);
    case "Less":
      return test(column, { kind: "less", value: constant });
    case "LessEquals":
      return test(column, { kind: "at most", value: constant });
    case "Greater":
      return test(column, { kind: "greater", value: constant });
    case "GreaterEquals":
      return test(column, { kind: "at least", value: constant });
    default:
      throw beyond;
  }
}

/** The value after the column's affinity was applied. */
function converted({ affinity }: Column, value: NonNullable<SqlValue>): Constant {
  if (affinity === "text" && typeof value === "bigint") return String(value);
  if (affinity === "text" && typeof value === "number") throw beyond;
  if (affinity === "numeric" && typeof value === "string") throw beyond;
  return value;
}

function numberOf(text: string): bigint | number | undefined {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  return isShortDecimal(text) ? Number(text) : undefined;
}

/** A decimal that any way of reading gives the same float64: 15 digits at most, and a power of ten that is exact. */
export function isShortDecimal(text: string): boolean {
  const found = /^(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (found === null) return false;
  const [, whole = "", part = "", power = "0"] = found;
  const digits = (whole + part).replace(/^0+/, "");
  return digits.length <= 15 && Math.abs(Number(power) - part.length) <= 22;
}
