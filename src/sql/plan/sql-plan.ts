import type { Expr } from "sqlite3-parser";
import type { DocumentColumn } from "../language/documents.ts";
import type { PartTable } from "../process/messages.ts";

export type Strategy = "none" | "split" | "push" | "gather";

/** How a statement is answered: what leaves run over their documents, and what the root runs over what they wrote. */
export interface SqlPlan {
  readonly strategy: Strategy;
  /** Null when no document is read. */
  readonly leaf: LeafPlan | null;
  readonly rootSql: string;
}

export interface LeafPlan {
  readonly sql: string;
  readonly part: PartTable;
  /** What every document that matters fulfils, over bare column names; undefined when all may matter. */
  readonly condition: Expr | undefined;
  readonly conjuncts: readonly Expr[];
  /** The conjuncts as text, for `explain`. */
  readonly pushed: readonly string[];
  readonly columns: readonly DocumentColumn[];
  /** True when all that is asked of a leaf is how many documents there are. */
  readonly countsAll?: boolean;
}
