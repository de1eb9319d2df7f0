/**
 * ranking: in which order do candidates stand?
 * Answers: scores of candidates fused from what is known of each, PageRank of a graph of links.
 * Owns: scorers, fusion, the presets.
 * Never: finds candidates, or reads storage: pure functions over numbers.
 */

export { freshness, freshnessStep } from "./freshness.ts";
export { type Fused, fuse, type ScoredBy } from "./fuse.ts";
export { type PageRankOptions, type PageRankResult, pageRank } from "./page-rank.ts";
export {
  defaultRanker,
  type Fusion,
  fullRanker,
  type RankedDocument,
  type Ranker,
  type Scorer,
  type ScorerName,
} from "./ranker.ts";
