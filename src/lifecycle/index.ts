/**
 * lifecycle: is a collection whole, and what becomes of it?
 * Answers: compacts shards, ranks documents by their links, proves every live object, finds and deletes what nothing names,
 *   keeps long work as jobs.
 * Owns: leases, jobs and whose turn maintenance is, the threads that compact and rank.
 * Never: loses a row, repairs silently, or takes part in answering a query.
 */
export { archiveSome, canMoveTo, dueByPolicy, olderThan } from "./archive/archive.ts";
export type { MoveParts } from "./archive/move.ts";
export { type RestoreStep, restoreSome } from "./archive/restore.ts";
export { Compaction, type CompactionParts, type CompactionState } from "./compaction/compaction.ts";
export { Compactor, type CompactorThread } from "./compaction/compactor.ts";
export { chooseAll, chooseCompaction } from "./compaction/policy.ts";
export type { Problem, Repair } from "./findings.ts";
export { collectGarbage, findGarbage, type Garbage, type GcParts } from "./gc.ts";
export { isOver, type Job, type JobProgress, type JobStatus } from "./jobs/job.ts";
export { aliveMs, JobStore, type StoredJob } from "./jobs/job-store.ts";
export { MaintenanceState } from "./maintenance-state.ts";
export type { RankOptions } from "./ranks/options.ts";
export { PageRanks, type RankHooks } from "./ranks/page-ranks.ts";
export { Ranker, type RankThread } from "./ranks/rank-thread.ts";
export type { RankedGraph, RankSource, WrittenRanks } from "./ranks/rank-worker.ts";
export { type RepairParts, repairCollection } from "./repair.ts";
export { type BranchParts, branch, branchesInUse } from "./snapshots/branch.ts";
export { type AsOf, findSnapshot } from "./snapshots/find.ts";
export { rollback } from "./snapshots/rollback.ts";
export { type Report, type VerifyParts, verifyCollection } from "./verify.ts";
