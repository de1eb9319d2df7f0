import type { Distance } from "../manifest/index.ts";

/**
 * The exact score of a vector: float32 inputs, float64 arithmetic.
 * cosine: q·x / (‖q‖‖x‖), in −1…1 (0 when x is zero) · dot: q·x · l2: 1 / (1 + ‖q − x‖), in 0…1. Larger is nearer.
 */
export function exactScore(distance: Distance, query: Float32Array, vector: Float32Array): number {
  if (distance === "l2") return 1 / (1 + Math.sqrt(squaredDistance(query, vector)));
  let dot = 0;
  let queryNorm = 0;
  let norm = 0;
  for (let i = 0; i < query.length; i++) {
    const q = query[i] as number;
    const x = vector[i] as number;
    dot += q * x;
    queryNorm += q * q;
    norm += x * x;
  }
  if (distance === "dot") return dot;
  // Rounding may leave the interval by a few ulps, which a client that takes an arc cosine would notice.
  return queryNorm === 0 || norm === 0 ? 0 : Math.max(-1, Math.min(1, dot / Math.sqrt(queryNorm * norm)));
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    sum += difference * difference;
  }
  return sum;
}

/** Best first; equal scores by id, so that every run and every split over shards gives the same order. */
export const byScore = (a: { score: number; id: string }, b: { score: number; id: string }): number =>
  b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
