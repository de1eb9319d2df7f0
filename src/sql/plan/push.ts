import type { Expr, Limit } from "sqlite3-parser";
import type { Bindings } from "../language/parameters.ts";
import { print } from "../language/print.ts";
import { conjunctsOf } from "./conjuncts.ts";
import { columnsIn, hidesCollation, type OrderTerm, opened, type Simple, withoutCollation } from "./simple.ts";
import type { SqlPlan } from "./sql-plan.ts";

/**
 * Rows are filtered, computed, sorted and cut in each leaf, and merged at the root. The columns of a part are the result
 * columns and the order's terms that are none of them. Undefined when only SQLite knows how values compare.
 */
export function pushPlan(simple: Simple, bindings: Bindings): SqlPlan | undefined {
  const { columns, distinct, where, orderBy, limit } = simple;
  const keys = orderBy.filter(({ column }) => column === undefined);
  if (distinct && keys.length > 0) return undefined;
  if ([...columns, ...orderBy.map(({ expr }) => expr)].some(hidesCollation)) return undefined;
  const selected = [...columns.map((expr) => opened(expr)), ...keys.map(({ expr }) => expr)];
  const nameOf = (term: OrderTerm): string =>
    term.column === undefined ? `k${keys.indexOf(term)}` : `c${term.column}`;
  const word = distinct ? "SELECT DISTINCT" : "SELECT";
  const cut = leafLimit(limit, bindings);
  const leafSql = [
    `${word} ${selected.map(print).join(", ")} FROM "documents"`,
    where === undefined ? "" : `WHERE ${print(where)}`,
    cut === undefined || orderBy.length === 0
      ? ""
      : `ORDER BY ${orderBy.map((term) => leafTerm(term, columns.length + keys.indexOf(term))).join(", ")}`,
    cut === undefined ? "" : `LIMIT ${cut}`,
  ];
  const rootOrder = orderBy.map((term) => `"${nameOf(term)}"${collated(term)}${direction(term)}`);
  const rootSql = [
    `${word} ${columns.map((expr, at) => `"c${at}"${collationWord(expr)}`).join(", ")} FROM "part"`,
    rootOrder.length === 0 ? "" : `ORDER BY ${rootOrder.join(", ")}`,
    limitText(limit),
  ];
  const names = [...columns.map((_expr, at) => `c${at}`), ...keys.map((_term, at) => `k${at}`)];
  return {
    strategy: "push",
    leaf: {
      sql: leafSql.filter(Boolean).join(" "),
      part: { name: "part", columns: names.map((name) => ({ name, type: "" })) },
      condition: where,
      conjuncts: conjunctsOf(where),
      pushed: conjunctsOf(where).map(print),
      columns: columnsIn([...selected, where]),
    },
    rootSql: rootSql.filter(Boolean).join(" "),
  };
}

const leafTerm = (term: OrderTerm, keyAt: number): string =>
  `${(term.column ?? keyAt) + 1}${term.collation === undefined ? "" : ` COLLATE ${term.collation}`}${direction(term)}`;

export function direction({ sorted: { order, nulls } }: OrderTerm): string {
  const way = order === "Desc" ? " DESC" : "";
  return `${way}${nulls === undefined ? "" : nulls === "First" ? " NULLS FIRST" : " NULLS LAST"}`;
}

const collationWord = (expr: Expr): string => {
  const { collation } = withoutCollation(expr);
  return collation === undefined ? "" : ` COLLATE ${collation}`;
};

export const collated = ({ collation, expr }: OrderTerm): string =>
  collation === undefined ? collationWord(expr) : ` COLLATE ${collation}`;

export const limitText = (limit: Limit | undefined): string =>
  limit === undefined
    ? ""
    : `LIMIT ${print(limit.expr)}${limit.offset === undefined ? "" : ` OFFSET ${print(limit.offset)}`}`;

/** Rows that a leaf has to bring: limit and offset together, where both are plain whole numbers. */
export function leafLimit(limit: Limit | undefined, bindings: Bindings): number | undefined {
  if (limit === undefined) return undefined;
  const count = wholeOf(limit.expr, bindings);
  const offset = limit.offset === undefined ? 0 : wholeOf(limit.offset, bindings);
  if (count === undefined || offset === undefined || count < 0) return undefined;
  const wanted = count + Math.max(0, offset);
  return wanted <= Number.MAX_SAFE_INTEGER ? wanted : undefined;
}

function wholeOf(expr: Expr, bindings: Bindings): number | undefined {
  const plain = opened(expr);
  if (plain.type === "NumericLiteral" && /^\d{1,15}$/.test(plain.value)) return Number(plain.value);
  if (plain.type !== "VariableExpr") return undefined;
  const value = bindings.get(Number(plain.name.slice(2)));
  return typeof value === "bigint" && value >= -1n && value < 1_000_000_000_000_000n ? Number(value) : undefined;
}
