/**
 * selection: which shards and cells can answer?
 * Answers: the cells to scan, most promising first, and for every shard why it was kept or dropped.
 * Owns: the measured recall targets.
 * Never: reads storage or a shard; it knows summaries only.
 */
export { type Candidate, CellIndex } from "./cell-index.ts";
export { QueryHistory } from "./history.ts";
export { type RecallTarget, recallTargets } from "./recall.ts";
export {
  type CellVisits,
  noVisits,
  picked,
  type Selection,
  type SelectionRequest,
  selectCells,
} from "./select-cells.ts";
