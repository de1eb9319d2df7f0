import type { ShardEntry } from "../manifest/index.ts";
import { type Summary, VectorMatrix } from "../shard/index.ts";

export interface Candidate {
  readonly entry: ShardEntry;
  readonly summary: Summary;
}

/** The cells of all shards of one manifest, side by side: built once a generation, used by every query. */
export class CellIndex {
  readonly shards: number;
  /** Vectors of each build, in no order. */
  readonly builds: Float64Array;
  /** Cells of each shard. */
  readonly cellsOf: Uint32Array;
  /** By cell: its shard (index into the candidates), its number there, its rows, how far they lie from the centroid. */
  readonly shard: Uint32Array;
  readonly cell: Uint32Array;
  readonly rows: Uint32Array;
  readonly spread: Float32Array;
  /** Squared length of each centroid. */
  readonly square: Float32Array;
  readonly centroids: VectorMatrix;

  constructor(candidates: readonly Candidate[]) {
    const count = candidates.reduce((sum, { summary }) => sum + summary.cellRows.length, 0);
    const dimensions = Math.max(0, ...candidates.map(({ summary }) => summary.dimensions));
    const centroids = new Float32Array(count * dimensions);
    this.shards = candidates.length;
    const builds = new Map<string, number>();
    for (const { entry, summary } of candidates) {
      builds.set(entry.build, (builds.get(entry.build) ?? 0) + summary.vectors);
    }
    this.builds = Float64Array.from(builds.values());
    this.cellsOf = Uint32Array.from(candidates, ({ summary }) => summary.cellRows.length);
    this.shard = new Uint32Array(count);
    this.cell = new Uint32Array(count);
    this.rows = new Uint32Array(count);
    this.spread = new Float32Array(count);
    let first = 0;
    candidates.forEach(({ summary }, shard) => {
      const { cellRows, spreads } = summary;
      this.shard.fill(shard, first, first + cellRows.length);
      cellRows.forEach((_rows, cell) => {
        this.cell[first + cell] = cell;
      });
      this.rows.set(cellRows, first);
      this.spread.set(spreads, first);
      centroids.set(summary.centroids, first * dimensions);
      first += cellRows.length;
    });
    this.square = Float32Array.from({ length: count }, (_, cell) =>
      centroids.subarray(cell * dimensions, (cell + 1) * dimensions).reduce((sum, value) => sum + value * value, 0),
    );
    this.centroids = new VectorMatrix(centroids, dimensions);
  }

  get cells(): number {
    return this.cell.length;
  }
}
