import { direction } from "../codes/index.ts";

/** A fixed division of space: below a threshold along a line is one side, the rest the other; leaves are numbered. */
export type Partition = { readonly leaf: number } | Split;
export interface Split {
  readonly line: readonly number[];
  readonly threshold: number;
  readonly below: Partition;
  readonly above: Partition;
}

/**
 * Divides points into `leaves` (a power of two) of about equal weight, along lines between two means. `vectors`: points ×
 * dimensions. Deterministic for a given `random`.
 */
export function partitionOf(
  vectors: Float32Array,
  weights: ArrayLike<number>,
  dimensions: number,
  leaves: number,
  random: () => number,
): Partition {
  let next = 0;
  const divide = (points: Uint32Array, parts: number): Partition => {
    if (parts < 2 || points.length < 2) return { leaf: next++ };
    const line = direction(vectors, points, dimensions, random);
    const along = Float32Array.from(points, (point) => dotAt(line, vectors, point * dimensions));
    const order = sortedBy(along);
    const cut = cutAt(order, (at) => weights[points[at] as number] as number, 0.5);
    const sorted = Uint32Array.from(order, (at) => points[at] as number);
    const threshold = along[order[Math.min(cut, order.length - 1)] as number] as number;
    const below = divide(sorted.subarray(0, cut), parts / 2);
    const above = divide(sorted.subarray(cut), parts / 2);
    return { line: [...line], threshold, below, above };
  };
  return divide(
    Uint32Array.from({ length: vectors.length / dimensions }, (_, point) => point),
    leaves,
  );
}

export const leavesOf = (partition: Partition): number =>
  "leaf" in partition ? 1 : leavesOf(partition.below) + leavesOf(partition.above);

export const dotAt = (line: ArrayLike<number>, vectors: Float32Array, offset: number): number => {
  let sum = 0;
  for (let i = 0; i < line.length; i++) sum += (line[i] as number) * (vectors[offset + i] as number);
  return sum;
};

/** Positions by rising value, equal ones by position. */
export function sortedBy(values: Float32Array): Uint32Array {
  const order = Uint32Array.from(values, (_value, at) => at);
  return order.sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
}

/** How many of the ordered positions make up `share` of their weight, within rounding. */
export function cutAt(order: Uint32Array, weightOf: (position: number) => number, share: number): number {
  let total = 0;
  for (const at of order) total += weightOf(at);
  const target = total * share - total * 1e-9;
  let weight = 0;
  for (let count = 0; count < order.length; count++) {
    if (weight >= target) return count;
    weight += weightOf(order[count] as number);
  }
  return order.length;
}
