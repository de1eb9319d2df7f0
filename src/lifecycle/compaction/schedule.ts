import { seededRandom } from "../../base/index.ts";
import type { ShardEntry } from "../../manifest/index.ts";
import { type Partition, partitionOf, type Summary } from "../../shard/index.ts";

/** Steps of one compaction. A collection that fits one step needs no partition. */
export interface Schedule {
  /** First the shards are divided by it, so many at a time; then each leaf's pieces are put together. */
  readonly partition: Partition | undefined;
  readonly steps: readonly (readonly ShardEntry[])[];
}

/** Cell centroids that a partition is made of, at most: enough to divide evenly, whatever the collection's size. */
const sampleCells = 20_000;

/**
 * Steps that each read at most `maxBytes` of files (a single larger shard still goes alone). With more than one step, the
 * shards are divided by a partition of the whole into leaves of half that size, so that pieces of a leaf, from all steps,
 * fit one step of the second round.
 */
export function scheduleOf(
  shards: readonly ShardEntry[],
  maxBytes: number,
  clusterBy: string,
  summaryOf: (shard: ShardEntry) => Summary,
): Schedule {
  const steps = inSteps(inOrder(shards, clusterBy), maxBytes);
  if (steps.length < 2 || clusterBy !== "embedding") return { partition: undefined, steps };
  const bytes = shards.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  const leaves = 2 ** Math.ceil(Math.log2((2 * bytes) / maxBytes));
  const cells = cellsOf(shards, summaryOf);
  if (cells.dimensions === 0) return { partition: undefined, steps };
  const { vectors, weights, dimensions } = cells;
  return { partition: partitionOf(vectors, weights, dimensions, leaves, seededRandom(shards.length)), steps };
}

/** Groups of shards, in order, whose files fit `maxBytes`. */
export function inSteps(shards: readonly ShardEntry[], maxBytes: number): readonly (readonly ShardEntry[])[] {
  const steps: ShardEntry[][] = [];
  let bytes = 0;
  for (const shard of shards) {
    const last = steps.at(-1);
    bytes += shard.file.sizeBytes;
    if (last !== undefined && bytes <= maxBytes) last.push(shard);
    else {
      steps.push([shard]);
      bytes = shard.file.sizeBytes;
    }
  }
  return steps;
}

/** By time where that is asked for, so that a step's shards lie side by side already; else as they were made. */
const inOrder = (shards: readonly ShardEntry[], clusterBy: string): readonly ShardEntry[] =>
  clusterBy === "created_at"
    ? [...shards].sort((a, b) => (a.createdAt.min < b.createdAt.min ? -1 : a.createdAt.min > b.createdAt.min ? 1 : 0))
    : shards;

function cellsOf(
  shards: readonly ShardEntry[],
  summaryOf: (shard: ShardEntry) => Summary,
): { readonly vectors: Float32Array; readonly weights: Float32Array; readonly dimensions: number } {
  const summaries = shards.map(summaryOf).filter((summary) => summary.dimensions > 0);
  const dimensions = summaries[0]?.dimensions ?? 0;
  const total = summaries.reduce((sum, { cellRows }) => sum + cellRows.length, 0);
  const step = Math.max(1, Math.ceil(total / sampleCells));
  const vectors: Float32Array[] = [];
  const weights: number[] = [];
  let at = 0;
  for (const { centroids, cellRows } of summaries) {
    for (let cell = 0; cell < cellRows.length; cell++, at++) {
      if (at % step !== 0) continue;
      vectors.push(centroids.subarray(cell * dimensions, (cell + 1) * dimensions));
      weights.push(cellRows[cell] as number);
    }
  }
  const matrix = new Float32Array(vectors.length * dimensions);
  vectors.forEach((vector, row) => matrix.set(vector, row * dimensions));
  return { vectors: matrix, weights: Float32Array.from(weights), dimensions };
}
