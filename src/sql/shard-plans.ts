import type { SqlData } from "./data.ts";
import { print } from "./language/print.ts";
import type { SqlPlan } from "./plan/sql-plan.ts";
import type { BoundValues } from "./process/messages.ts";
import { mayMatch } from "./prune/prune.ts";

export interface SqlShardPlan {
  readonly shard: string;
  readonly kept: boolean;
  readonly reason: string;
  readonly documents: number;
}

/** Which shards have to be read. With `why`, the reason names the conjunct that excludes a shard. */
export function shardPlans(
  { leaf }: SqlPlan,
  { shards }: SqlData,
  values: BoundValues,
  why: boolean,
): readonly SqlShardPlan[] {
  return shards.map(({ id: shard, documents, known, excluded, unreadable }) => {
    if (leaf === null) return { shard, documents, kept: false, reason: "no document is read" };
    if (leaf.countsAll && excluded.length === 0) {
      return { shard, documents, kept: false, reason: "the manifest counts its documents" };
    }
    const but = unreadable === undefined ? "" : `, but ${unreadable.code}`;
    if (leaf.condition === undefined) return { shard, documents, kept: true, reason: `all${but}` };
    if (mayMatch(leaf.condition, known, values)) return { shard, documents, kept: true, reason: `may match${but}` };
    const excluding = why ? leaf.conjuncts.find((conjunct) => !mayMatch(conjunct, known, values)) : undefined;
    const what = excluding === undefined ? "the condition" : print(excluding);
    return { shard, documents, kept: false, reason: `no row fulfils ${what}` };
  });
}

/** EXPLAIN: the plan as rows of `part` and `detail`. */
export function explainRows({ strategy, leaf, rootSql }: SqlPlan, shards: readonly SqlShardPlan[]): [string, string][] {
  const rows: [string, string][] = [["strategy", strategy]];
  if (leaf !== null) {
    rows.push(["leaf", leaf.sql], ["columns", leaf.columns.join(", ")]);
    for (const conjunct of leaf.pushed) rows.push(["pushed", conjunct]);
  }
  rows.push(["root", rootSql]);
  for (const { shard, kept, reason, documents } of shards) {
    rows.push([`shard ${shard}`, `${kept ? "kept" : "dropped"} (${reason}), ${documents} documents`]);
  }
  return rows;
}
