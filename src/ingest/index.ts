/**
 * ingest: how does a write become durable, visible and part of a shard?
 * Answers: appends operations to the WAL, knows the tail, folds it into shards and merges small ones.
 * Owns: wal/ of a collection, the tail in memory, the thread that builds shards.
 * Never: validates or embeds a document, or answers a query.
 */
export { type BuildJob, type BuildResult, type MeasuredShard, measured, runBuild, takerOf } from "./build-job.ts";
export { Builder, type ShardBuilder } from "./builder.ts";
export { CollectionLog, type LogParts } from "./collection-log.ts";
export { type Committed, Committer, type CommitterOptions, type Intent } from "./committer.ts";
export { Fold, type FoldOutcome, type FoldParts } from "./fold.ts";
export { FoldSchedule, type FoldScheduleOptions } from "./fold-schedule.ts";
export { chooseMerge } from "./merge-policy.ts";
export { PastLog } from "./past-log.ts";
export {
  type Delete,
  decodeSegment,
  encodeSegment,
  type Operation,
  operationBytes,
  type Segment,
  type Upsert,
} from "./segment.ts";
export { ranksOf, ShardObjects } from "./shard-objects.ts";
export { Tail, type TailEntry } from "./tail.ts";
