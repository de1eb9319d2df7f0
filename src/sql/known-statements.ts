import { LRUCache } from "lru-cache";
import type { Select } from "sqlite3-parser";
import type { Bindings, Parameters } from "./language/parameters.ts";
import { printSelect } from "./language/print.ts";
import { someNode } from "./language/tree.ts";
import { planQuery } from "./plan/plan.ts";
import type { WithSearches } from "./plan/searches.ts";
import type { SqlPlan } from "./plan/sql-plan.ts";
import { readTree, type Statement, type StatementTree, withValues } from "./statement.ts";

/** What is remembered of a statement: it holds whatever the documents are. */
export interface KnownStatement {
  /** As SQLite reads it. */
  readonly sql: string;
  readonly plan: SqlPlan;
  /** What SQLite calls its columns; undefined until SQLite has accepted it. */
  columns: readonly string[] | undefined;
  /** What its leaves took in all when it last ran, and what they gathered. */
  leafMs: number | undefined;
  leafBytes: number;
}

/**
 * Statements come again and again, with other values. Reading and planning one takes longer than SQLite needs for a
 * look-up, so both are remembered, by the text.
 */
export class KnownStatements {
  readonly #trees = new LRUCache<string, StatementTree>(bounds);
  readonly #statements = new LRUCache<string, KnownStatement>(bounds);

  /** Throws what `readStatement` does. */
  read(source: string, parameters: Parameters | undefined): Statement {
    const tree = this.#trees.get(source) ?? readTree(source);
    this.#trees.set(source, tree);
    return withValues(tree, parameters);
  }

  of({ select, searches }: WithSearches, bindings: Bindings): KnownStatement {
    const sql = printSelect(select);
    const key = `${sql}\n${limitsOf(select, bindings)}`;
    const known = this.#statements.get(key);
    if (known !== undefined) return known;
    const plan = planQuery(select, bindings, searches);
    const made: KnownStatement = { sql, plan, columns: undefined, leafMs: undefined, leafBytes: 0 };
    this.#statements.set(key, made);
    return made;
  }
}

/** A tree takes many times its text. */
const bounds = { maxSize: 2 ** 20, sizeCalculation: (_value: unknown, key: string) => key.length + 200 };

/** The plan knows of no other values than those of LIMIT and OFFSET. */
function limitsOf({ limit }: Select, bindings: Bindings): string {
  if (limit === undefined || !someNode(limit, ({ type }) => type === "VariableExpr")) return "";
  return [...bindings].map(([number, value]) => `${number}=${typeof value}:${String(value)}`).join();
}
