/**
 * search: how is a query answered?
 * Answers: plans a query from one snapshot, fans it out to leaves, merges, says what was done and what failed.
 * Owns: root and leaf, the search threads, their open shards.
 * Never: writes, or decides which objects are live.
 */
export { cellsAhead } from "./cells-ahead.ts";
export { CollectionView, type LogView, type Snapshot } from "./collection-view.ts";
export { type CellsAhead, type ColumnAnswer, FilterColumns } from "./filter-columns.ts";
export type { FileKeeper, FileNotice } from "./held-files.ts";
export { InlineLeaf } from "./inline-leaf.ts";
export { Leaf } from "./leaf.ts";
export type {
  LeafDocument,
  LeafFailure,
  LeafHit,
  LeafReply,
  LeafRequest,
  LeafRow,
  LeafWork,
  Place,
  RowFeatures,
  ShardTarget,
  VectorRequest,
} from "./leaf-request.ts";
export { type LeafRunner, type LeafTransport, LocalLeaves, partOf } from "./leaves.ts";
export type { LeafLimits } from "./make-leaf.ts";
export { filtered, type Moment, matchingRows, momentOf, type RowFilter } from "./moment.ts";
export { type OpenLocalLeaves, openLocalLeaves } from "./open-local-leaves.ts";
export { type LocalPaths, OpenShards } from "./open-shards.ts";
export type { InvokeOutcome, Invoker } from "./remote/invoker.ts";
export { LambdaLeaves, type LambdaLeavesParts } from "./remote/lambda-leaves.ts";
export { LeafService } from "./remote/leaf-service.ts";
export { Root } from "./root.ts";
export { goneCodes } from "./root-plan.ts";
export { ShardHealth } from "./shard-health.ts";
export { byScore, exactScore } from "./similarity.ts";
export { TermTables } from "./term-tables.ts";
export { type Bm25Options, type PreparedText, type TextAnswer, TextSearch } from "./text-search.ts";
export type { FailedShard, Recall, ShardPlan, VectorAnswer, VectorQuery } from "./vector-query.ts";
export { WorkerPool } from "./worker-pool.ts";
