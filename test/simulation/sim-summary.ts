import { Bloom, encodeSummary, ValueCollector } from "../../src/shard/index.ts";

export { DeadRows } from "../../src/shard/index.ts";

/** Dimensions of the simulation's vectors. */
export const dimensions = 2;

/** The real summary of a simulated shard: one cell. */
export const makeSummary = (shard: string, rows: readonly { readonly id: string }[]): Uint8Array =>
  encodeSummary({
    shard,
    documents: rows.length,
    vectors: rows.length,
    dimensions,
    cellRows: Uint16Array.of(rows.length),
    centroids: new Float32Array(dimensions),
    spreads: Float32Array.of(1),
    values: new ValueCollector().values(),
    terms: 0,
    columns: [],
    ids: Bloom.of(
      rows.map(({ id }) => id),
      rows.length,
    ),
  });
