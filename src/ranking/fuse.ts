import type { Fusion } from "./ranker.ts";

/** One scorer's values, by candidate. */
export interface ScoredBy {
  readonly weight: number;
  /** Null: the scorer says nothing of the candidate. Larger is better. */
  readonly values: readonly (number | null)[];
  /** What `rrf` ranks by, where values differ by less than they mean. */
  readonly steps?: readonly (number | null)[];
  /**
   * How values come to 0…1 for `weighted_sum` and `max`. `clamped`: they nearly are, what is below 0 counts as 0.
   * `by_most`: divided by the largest. `by_range`: (value − least)/(largest − least).
   */
  readonly scale: "clamped" | "by_most" | "by_range";
}

export interface Fused {
  /** 0…1 by candidate. */
  readonly scores: Float64Array;
  /** By scorer, by candidate: what it adds to the score (for `max`: what it offers). Undefined for a scorer that dropped out. */
  readonly parts: readonly (Float64Array | undefined)[];
}

/** Rank r adds 1/(k + r): Cormack, Clarke and Büttcher, Reciprocal Rank Fusion, 2009. */
const rrfConstant = 60;

/**
 * Fuses what scorers say of the same candidates. A scorer that gives every candidate the same value drops out, and so does
 * one without weight; when all do, every score is 1.
 * `rrf`: Σ weight/(60 + rank), divided by the most that may be: candidates of equal value share a rank. `weighted_sum`:
 * Σ weight·value / Σ weight. `max`: the largest weight·value, divided by the largest weight.
 */
export function fuse(scorers: readonly ScoredBy[], fusion: Fusion, candidates: number): Fused {
  const compared = scorers.map(({ values, steps }) => (fusion === "rrf" ? (steps ?? values) : values));
  const counts = scorers.map(
    ({ weight }, at) => weight > 0 && compared[at]?.some((value, _, all) => value !== all[0]) === true,
  );
  const weights = scorers.map(({ weight }, at) => (counts[at] ? weight : 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const most = Math.max(0, ...weights);
  const scores = new Float64Array(candidates);
  if (total === 0) return { scores: scores.fill(1), parts: scorers.map(() => undefined) };
  const parts = scorers.map((scorer, at) => {
    if (!counts[at]) return undefined;
    const share = scorer.weight / (fusion === "max" ? most : total);
    return (fusion === "rrf" ? byRank(compared[at] ?? []) : scaled(scorer)).map((value) => share * value);
  });
  for (const part of parts) {
    part?.forEach((value, at) => {
      const before = scores[at] as number;
      scores[at] = fusion === "max" ? Math.max(before, value) : before + value;
    });
  }
  // A sum of shares of 1 may end a last bit above it.
  scores.forEach((score, at) => {
    scores[at] = Math.min(1, score);
  });
  return { scores, parts };
}

/** (60 + 1)/(60 + rank); 0 without a value. */
function byRank(values: readonly (number | null)[]): Float64Array {
  const known = values.flatMap((value) => (value === null ? [] : [value])).sort((a, b) => b - a);
  const rankOf = new Map<number, number>();
  known.forEach((value, at) => {
    if (!rankOf.has(value)) rankOf.set(value, at + 1);
  });
  return Float64Array.from(values, (value) =>
    value === null ? 0 : (rrfConstant + 1) / (rrfConstant + (rankOf.get(value) as number)),
  );
}

function scaled({ values, scale }: ScoredBy): Float64Array {
  const known = values.filter((value) => value !== null);
  const [least, largest] = [Math.min(...known), Math.max(...known)];
  const to = (value: number): number => {
    if (scale === "clamped") return Math.min(1, Math.max(0, value));
    if (scale === "by_most") return largest <= 0 ? 0 : Math.max(0, value) / largest;
    return largest === least ? 1 : (value - least) / (largest - least);
  };
  return Float64Array.from(values, (value) => (value === null ? 0 : to(value)));
}
