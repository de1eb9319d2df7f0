/**
 * lifecycle: is a collection whole, and what becomes of it?
 * Answers: compacts shards, proves every live object, finds and deletes what nothing names, keeps long work as jobs.
 * Owns: leases, jobs and whose turn maintenance is, the thread that compacts.
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
export { type RepairParts, repairCollection } from "./repair.ts";
export { type BranchParts, branch, branchesInUse } from "./snapshots/branch.ts";
export { type AsOf, findSnapshot } from "./snapshots/find.ts";
export { rollback } from "./snapshots/rollback.ts";
export { type Report, type VerifyParts, verifyCollection } from "./verify.ts";
