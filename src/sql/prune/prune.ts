import type { Expr, LikeExpr } from "sqlite3-parser";
import type { Bloom, ShardValues } from "../../shard/index.ts";
import { valueKey } from "../../shard/index.ts";
import { constantOf } from "../language/constant.ts";
import { mirrored } from "../language/mirrored.ts";
import type { SqlValue } from "../language/values.ts";
import { keyOf } from "../plan/indexable.ts";
import { opened } from "../plan/simple.ts";
import type { BoundValues } from "../process/messages.ts";
import { type Comparisons, compare, type Domain, isEmpty, mayBegin } from "./domain.ts";
import { anything, conjunction, disjunction, negated, type Outcomes, onlyNull } from "./outcomes.ts";

/** What the summary of a shard says. */
export interface Known {
  readonly ids: Bloom;
  readonly values: ShardValues;
}

/** False when no row of the shard can fulfil the condition: its names are columns of documents, its parameters `:pN`. */
export function mayMatch(condition: Expr, known: Known, values: BoundValues): boolean {
  return new Pruner(known, values).outcomes(condition).yes;
}

class Pruner {
  readonly #known: Known;
  readonly #values: BoundValues;

  constructor(known: Known, values: BoundValues) {
    this.#known = known;
    this.#values = values;
  }

  outcomes(expr: Expr): Outcomes {
    switch (expr.type) {
      case "ParenthesizedExpr":
        return expr.exprs.length === 1 ? this.outcomes(expr.exprs[0] as Expr) : anything;
      case "UnaryExpr":
        return expr.op === "Not" ? negated(this.outcomes(expr.expr)) : anything;
      case "BinaryExpr":
        if (expr.op === "And") return conjunction(this.outcomes(expr.left), this.outcomes(expr.right));
        if (expr.op === "Or") return disjunction(this.outcomes(expr.left), this.outcomes(expr.right));
        return this.#comparison(expr.left, expr.op, expr.right);
      case "BetweenExpr": {
        const from = this.#comparison(expr.lhs, "GreaterEquals", expr.start);
        const found = conjunction(from, this.#comparison(expr.lhs, "LessEquals", expr.end));
        return expr.not ? negated(found) : found;
      }
      case "InListExpr": {
        const found = this.#inList(expr.lhs, expr.rhs ?? []);
        return expr.not ? negated(found) : found;
      }
      case "InSelectExpr":
        return expr.not ? anything : this.#inFound(expr.lhs, expr);
      case "IsNullExpr":
        return this.#isNull(expr.expr);
      case "NotNullExpr":
        return negated(this.#isNull(expr.expr));
      case "LikeExpr":
        return expr.not ? negated(this.#like(expr)) : this.#like(expr);
      default:
        return anything;
    }
  }

  #isNull(expr: Expr): Outcomes {
    const domain = this.#domain(expr);
    return domain === undefined ? anything : { yes: domain.mayBeNull, no: !isEmpty(domain), null: false };
  }

  #comparison(left: Expr, op: string, right: Expr): Outcomes {
    const rows = [rowOf(left), rowOf(right)] as const;
    if (rows[0] !== undefined && rows[1] !== undefined) return this.#rowComparison(rows[0], op, rows[1]);
    // `x IS TRUE` asks for the truth of x, and compares nothing.
    if ((op === "Is" || op === "IsNot") && opened(right).type === "KeywordLiteral") return anything;
    if ((op === "Is" || op === "IsNot") && this.#constant(right) === null) {
      return op === "Is" ? this.#isNull(left) : negated(this.#isNull(left));
    }
    const [domain, value] = [this.#domain(left), this.#constant(right)];
    if (domain !== undefined && value !== undefined) return judged(compare(domain, value), op, value);
    const [other, constant] = [this.#domain(right), this.#constant(left)];
    const turned = mirrored[op];
    if (other === undefined || constant === undefined || turned === undefined) return anything;
    return judged(compare(other, constant), turned, constant);
  }

  /** (a, b) = (c, d) is a = c AND b = d; (a, b) < (c, d) is a < c OR (a = c AND b < d). */
  #rowComparison(left: readonly Expr[], op: string, right: readonly Expr[]): Outcomes {
    const [a, ...as] = left;
    const [b, ...bs] = right;
    if (a === undefined || b === undefined || left.length !== right.length) return anything;
    if (as.length === 0) return this.#comparison(a, op, b);
    if (op === "Equals") return conjunction(this.#comparison(a, op, b), this.#rowComparison(as, op, bs));
    const strict = { Less: "Less", LessEquals: "Less", Greater: "Greater", GreaterEquals: "Greater" }[op];
    if (strict === undefined) return anything;
    const rest = conjunction(this.#comparison(a, "Equals", b), this.#rowComparison(as, op, bs));
    return disjunction(this.#comparison(a, strict, b), rest);
  }

  #inList(lhs: Expr, list: readonly Expr[]): Outcomes {
    const never: Outcomes = { yes: false, no: true, null: false };
    return list.map((expr) => this.#comparison(lhs, "Equals", expr)).reduce(disjunction, never);
  }

  /** `id IN (SELECT value FROM json_each(:pN))`, which only the planner writes so: texts. */
  #inFound(lhs: Expr, { rhs }: Extract<Expr, { type: "InSelectExpr" }>): Outcomes {
    const table = rhs.select.type === "SelectFrom" ? rhs.select.from?.select : undefined;
    const [argument] = table?.type === "TableCallSelectTable" ? (table.args ?? []) : [];
    const json = argument === undefined ? undefined : this.#constant(argument);
    if (lhs.type !== "Id" || lhs.name !== "id" || typeof json !== "string") return anything;
    const ids = JSON.parse(json) as readonly string[];
    return { ...anything, yes: ids.some((id) => this.#known.ids.mayHold(id)) };
  }

  #like({ lhs, rhs, op, escape: escaped }: LikeExpr): Outcomes {
    const domain = this.#domain(lhs);
    const pattern = this.#constant(rhs);
    if (domain === undefined || typeof pattern !== "string" || escaped !== undefined) return anything;
    const prefix = (op === "Like" ? /^[^%_]*/ : /^[^*?[]*/).exec(pattern)?.[0] ?? "";
    // SQLite folds the case of ASCII letters only.
    return { yes: mayBegin(domain, prefix, op === "Like"), no: true, null: domain.mayBeNull };
  }

  #constant(expr: Expr): SqlValue | undefined {
    return constantOf(expr, this.#values, numberOf);
  }

  #domain(expr: Expr): Domain | undefined {
    if (expr.type === "ParenthesizedExpr" && expr.exprs.length === 1) return this.#domain(expr.exprs[0] as Expr);
    if (expr.type === "Id") return this.#column(expr.name);
    const key = keyOf(expr);
    return key === undefined ? undefined : this.#key(key);
  }

  #column(name: string): Domain | undefined {
    const { ids, values } = this.#known;
    if (name === "id") {
      const anyText = { min: "", max: null };
      const mayHold = (value: string | number): boolean => ids.mayHold(String(value));
      return { mayBeNull: false, numbers: null, texts: anyText, affinity: "text", mayHold };
    }
    const range = { created_at: values.createdAt, updated_at: values.updatedAt }[name];
    const common = { mayBeNull: false, mayHold: () => true };
    if (range !== undefined) return { ...common, numbers: null, texts: range, affinity: "text" };
    const numbers = { pagerank: values.pagerank, word_count: values.wordCount }[name];
    return numbers === undefined ? undefined : { ...common, numbers, texts: null, affinity: "numeric" };
  }

  #key(key: string): Domain | undefined {
    const { values } = this.#known;
    if (values.keys === undefined) return undefined;
    const found = values.keys.get(key);
    if (found === undefined) return { ...nothing, mayBeNull: true };
    const mayHold = (value: string | number): boolean => !found.listed || values.listed.mayHold(valueKey(key, value));
    const { mayBeNull, numbers, texts } = found;
    return { mayBeNull, numbers, texts, affinity: "none", mayHold };
  }
}

const nothing: Omit<Domain, "mayBeNull"> = { numbers: null, texts: null, affinity: "none", mayHold: () => false };

const rowOf = (expr: Expr): readonly Expr[] | undefined =>
  expr.type === "ParenthesizedExpr" && expr.exprs.length > 1 ? expr.exprs : undefined;

function numberOf(text: string): bigint | number | undefined {
  if (/^\d+$/.test(text)) {
    const whole = BigInt(text);
    return whole < 2n ** 63n ? whole : Number(text);
  }
  return /^0[xX]/.test(text) ? undefined : Number(text);
}

function judged(found: Comparisons, op: string, value: SqlValue): Outcomes {
  const { less, equal, greater, null: unknown } = found;
  if (op === "Is" || op === "IsNot") {
    // Compared with NULL nothing is known of the others; compared with a value, NULL is just different.
    const is =
      value === null
        ? { yes: true, no: true, null: false }
        : { yes: equal, no: less || greater || unknown, null: false };
    return op === "Is" ? is : negated(is);
  }
  if (value === null) return onlyNull;
  const outcome = (yes: boolean, no: boolean): Outcomes => ({ yes, no, null: unknown });
  switch (op) {
    case "Equals":
      return outcome(equal, less || greater);
    case "NotEquals":
      return outcome(less || greater, equal);
    case "Less":
      return outcome(less, equal || greater);
    case "LessEquals":
      return outcome(less || equal, greater);
    case "Greater":
      return outcome(greater, less || equal);
    case "GreaterEquals":
      return outcome(greater || equal, less);
    default:
      return anything;
  }
}
