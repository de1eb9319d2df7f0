/**
 * sql: what does SQLite answer over documents that lie in many files?
 * Answers: a statement read, checked and planned; its two halves run in processes that can be killed.
 * Owns: the allow-list, the planner, the processes that run users' SQL.
 * Never: runs a user's text as it came, runs it where it can't be ended, or decides which objects are live.
 */

export type { DocumentExpression } from "./condition.ts";
export type {
  FailedShard,
  ObjectRef,
  ScoredId,
  SearchKind,
  SearchRows,
  ShardDocuments,
  SqlData,
  SqlHelp,
  SqlShard,
  TailDocument,
  WholeDocument,
} from "./data.ts";
export { Expressions } from "./expressions.ts";
export { type FilterAnswer, Filters } from "./filters.ts";
export type { Parameters } from "./language/parameters.ts";
export { type SqlValue, toWire, type WireValue } from "./language/values.ts";
export type { SqlPlan, Strategy } from "./plan/sql-plan.ts";
export { type RunLimits, runLimits } from "./process/limits.ts";
export type { FileRef } from "./process/messages.ts";
export { type PoolOptions, SqlPool } from "./process/pool.ts";
export { type SqlAnswer, type SqlRequest, SqlRoot, type SqlRootOptions } from "./root.ts";
export type { SqlShardPlan } from "./shard-plans.ts";
