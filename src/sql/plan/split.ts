import type { Expr, FunctionCallExpr, FunctionCallStarExpr } from "sqlite3-parser";
import { documentColumns, isDocumentColumn, lower } from "../language/documents.ts";
import { print, printList } from "../language/print.ts";
import { type Node, rewrite } from "../language/tree.ts";
import { conjunctsOf } from "./conjuncts.ts";
import { call, collate, id, plus, when, whole } from "./make.ts";
import { collated, direction, limitText } from "./push.ts";
import {
  columnsIn,
  hasAggregate,
  hidesCollation,
  isAggregate,
  opened,
  type Simple,
  withoutCollation,
} from "./simple.ts";
import type { SqlPlan } from "./sql-plan.ts";

/** Thrown inside this file where only SQLite, on all rows, knows the answer. */
class NotSplittable extends Error {}

/**
 * Groups are made in each leaf with partial aggregates, and put together at the root: counts and sums are added, averages
 * are kept as sum and count, the least and greatest are compared again. One DISTINCT argument becomes a part of the
 * leaf's groups, and the root counts over them.
 */
export function splitPlan(simple: Simple): SqlPlan | undefined {
  try {
    return new Splitter(simple).plan();
  } catch (error) {
    if (error instanceof NotSplittable) return undefined;
    throw error;
  }
}

interface Group {
  readonly text: string;
  readonly name: string;
  readonly type: string;
  readonly leaf: Expr;
  readonly root: Expr;
  /** Its value may be JSON by subtype, which ends where it is stored. */
  readonly json: boolean;
}

class Splitter {
  readonly #simple: Simple;
  readonly #groups: Group[] = [];
  readonly #partials = new Map<string, { readonly name: string; readonly leaf: Expr }>();
  #distinct: Group | undefined;

  constructor(simple: Simple) {
    this.#simple = simple;
    simple.groupBy.forEach((expr, at) => this.#groups.push(groupOf(expr, `g${at}`)));
  }

  plan(): SqlPlan {
    const { columns, distinct, having, orderBy, limit, where, groupBy } = this.#simple;
    if (where !== undefined && hasAggregate(where)) throw new NotSplittable();
    const selected = columns.map((expr) => this.#atRoot(expr));
    const order = orderBy.map((term) => {
      if (hidesCollation(term.expr)) throw new NotSplittable();
      const what = term.column === undefined ? print(this.#ordering(term.expr)) : String(term.column + 1);
      return `${what}${term.column === undefined ? "" : collated(term)}${direction(term)}`;
    });
    const kept = having === undefined ? undefined : this.#atRoot(having);
    const rootSql = [
      `SELECT ${distinct ? "DISTINCT " : ""}${printList(selected)} FROM "part"`,
      groupBy.length === 0 ? "" : `GROUP BY ${printList(this.#groups.map(({ root }) => root))}`,
      kept === undefined ? "" : `HAVING ${print(kept)}`,
      order.length === 0 ? "" : `ORDER BY ${order.join(", ")}`,
      limitText(limit),
    ];
    return { strategy: "split", leaf: this.#leaf(), rootSql: rootSql.filter(Boolean).join(" ") };
  }

  #leaf(): NonNullable<SqlPlan["leaf"]> {
    const { where } = this.#simple;
    const keys = this.#distinct === undefined ? this.#groups : [...this.#groups, this.#distinct];
    const partials = [...this.#partials.values()];
    const selected = [...keys, ...partials].map(({ leaf }) => leaf);
    // DISTINCT skips through an index from value to value, where GROUP BY would read all of it.
    const distinctOnly = keys.length > 0 && partials.length === 0;
    const sql = [
      `SELECT ${distinctOnly ? "DISTINCT " : ""}${selected.length === 0 ? "1" : printList(selected)} FROM "documents"`,
      where === undefined ? "" : `WHERE ${print(where)}`,
      keys.length === 0 || distinctOnly ? "" : `GROUP BY ${keys.map((_key, at) => at + 1).join(", ")}`,
    ];
    const columns = [...keys, ...partials.map(({ name }) => ({ name, type: "" }))];
    return {
      sql: sql.filter(Boolean).join(" "),
      part: {
        name: "part",
        columns: columns.length === 0 ? [{ name: "one", type: "" }] : columns.map(({ name, type }) => ({ name, type })),
      },
      condition: where,
      conjuncts: conjunctsOf(where),
      pushed: conjunctsOf(where).map(print),
      columns: columnsIn([...selected, where]),
      countsAll: keys.length === 0 && where === undefined && partials.length === 1 && partials.every(countsRows),
    };
  }

  /** As a term of ORDER BY a plain number would be a position. */
  #ordering(expr: Expr): Expr {
    const ordered = opened(this.#atRoot(expr));
    if (ordered.type === "NumericLiteral") throw new NotSplittable();
    return ordered;
  }

  /** The expression over the columns of a part. */
  #atRoot(expr: Expr, insideCall = false): Expr {
    return rewrite(expr, (node) => this.#replace(node, insideCall)) as Expr;
  }

  #replace(node: Node, insideCall: boolean): Node | undefined {
    const group = isExpression(node)
      ? this.#groups.find(({ text }) => text === print(opened(node as Expr)))
      : undefined;
    if (group !== undefined) {
      if (group.json && insideCall) throw new NotSplittable();
      return group.root;
    }
    if (isAggregate(node)) return this.#finalOf(node as FunctionCallExpr | FunctionCallStarExpr);
    if (node.type === "FunctionCallExpr") {
      return { ...node, args: (node.args ?? []).map((arg) => this.#atRoot(arg, true)) };
    }
    // A column of no group: SQLite takes it from a row that only it can choose.
    if (node.type === "Id") throw new NotSplittable();
    return undefined;
  }

  #finalOf(node: FunctionCallExpr | FunctionCallStarExpr): Expr {
    const name = lower(node.name.name);
    const filter = node.filterOver?.filterClause;
    if (node.type === "FunctionCallStarExpr" || (node.args ?? []).length === 0) {
      if (name !== "count") throw new NotSplittable();
      return this.#sumOfCounts(node);
    }
    if (node.orderBy !== undefined) throw new NotSplittable();
    const [arg, separator, ...more] = node.args ?? [];
    if (arg === undefined || more.length > 0 || hasAggregate(arg) || hidesCollation(arg)) throw new NotSplittable();
    const isConcat = name === "group_concat" || name === "string_agg";
    if (separator !== undefined && !(isConcat && separator.type === "StringLiteral")) throw new NotSplittable();
    const { collation } = withoutCollation(arg);
    const distinct = node.distinctness === "Distinct" && name !== "min" && name !== "max";
    if (distinct) return this.#distinctOf(name, arg, filter);
    const partial = (of: string, args = node.args ?? []): Expr =>
      this.#partial({ ...(call(of, args) as FunctionCallExpr), filterOver: node.filterOver });
    switch (name) {
      case "count":
        return this.#sumOfCounts(node);
      case "sum":
      case "total":
        return call(name, [partial(name)]);
      case "min":
      case "max": {
        const of = partial(name);
        return call(name, [collation === undefined ? of : collate(of, collation)]);
      }
      case "avg": {
        const count = call("sum", [partial("count")]);
        const mean = { ...binary, op: "Divide" as const, left: call("total", [partial("total")]), right: count };
        return when({ ...binary, op: "Greater", left: count, right: whole(0) }, mean);
      }
      case "group_concat":
      case "string_agg":
        return call(name, [partial(name), ...(separator === undefined ? [] : [separator])]);
      default:
        throw new NotSplittable();
    }
  }

  #sumOfCounts(node: FunctionCallExpr | FunctionCallStarExpr): Expr {
    return call("coalesce", [call("sum", [this.#partial(node)]), whole(0)]);
  }

  #distinctOf(name: string, arg: Expr, filter: Expr | undefined): Expr {
    if (!["count", "sum", "total", "avg", "group_concat", "string_agg"].includes(name)) throw new NotSplittable();
    if (filter !== undefined && withoutCollation(arg).collation !== undefined) throw new NotSplittable();
    const found = groupOf(filter === undefined ? arg : when(filter, arg), "d");
    if (this.#distinct !== undefined && this.#distinct.text !== found.text) throw new NotSplittable();
    this.#distinct = found;
    return call(name, [found.root], true);
  }

  #partial(leaf: Expr): Expr {
    const text = print(leaf);
    const known = this.#partials.get(text);
    const name = known?.name ?? `a${this.#partials.size}`;
    if (known === undefined) this.#partials.set(text, { name, leaf });
    return id(name);
  }
}

const binary = { type: "BinaryExpr", span: { offset: 0, length: 0, line: 0, col: 0 } } as const;

/** `count(*)`, without FILTER. */
const countsRows = ({ leaf }: { readonly leaf: Expr }): boolean =>
  leaf.type === "FunctionCallStarExpr" && leaf.filterOver === undefined;

const isExpression = (node: Node): boolean => node.type === "Id" || /(Expr|Literal)$/.test(node.type);

/** A group's column keeps the type of what it holds, because comparisons depend on it; a collation is given again. */
function groupOf(expr: Expr, name: string): Group {
  if (hasAggregate(expr) || hidesCollation(expr)) throw new NotSplittable();
  const { expr: inner, collation } = withoutCollation(expr);
  const type = typeOf(inner);
  const value = type === undefined ? plus(id(name)) : id(name);
  return {
    text: print(opened(expr)),
    name,
    type: type ?? "",
    leaf: opened(expr),
    root: collation === undefined ? value : collate(value, collation),
    json: /json|->/.test(print(inner)),
  };
}

/** The declared type that gives a column the affinity of the expression; undefined when it has none. */
function typeOf(expr: Expr): string | undefined {
  if (expr.type === "Id" && isDocumentColumn(expr.name)) return documentColumns[expr.name];
  return expr.type === "CastExpr" ? `"${expr.typeName?.name ?? ""}"` : undefined;
}
