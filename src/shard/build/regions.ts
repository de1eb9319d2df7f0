import { seededRandom } from "../../base/index.ts";
import { direction } from "../codes/index.ts";
import { cellRows } from "../file/schema.ts";
import type { LiveRows } from "./live-rows.ts";
import { vectorsOf } from "./rows.ts";
import { cutAt, leavesOf, type Partition, sortedBy } from "./split.ts";

export interface RegionLimits {
  readonly dimensions: number;
  readonly distance: "cosine" | "l2" | "dot";
  readonly maxDocs: number;
  readonly maxBytes: number;
}

/** A region's rows, by number, and the leaf of the given partition that it lies in (0 without one). */
export interface Region {
  readonly leaf: number;
  readonly rows: Uint32Array;
}

interface Range {
  readonly rows: Uint32Array;
  readonly parts: number;
  readonly leaf: number;
}

/** Rows whose vectors are read to find the line along which a range is split. */
const sampleRows = 4096;
/** Sizes of files are estimates until they are written. */
const headroom = 1.03;

/**
 * Divides rows into regions, each compact in meaning and of a full shard's size at most: the rows are split along the
 * line between two means, by weight, and each side again. Every level reads the int8 vectors once; memory is a few
 * bytes a row. With a `partition` rows are first divided by it, so that builds of different rows give the same regions.
 */
export function regionsByMeaning(rows: LiveRows, limits: RegionLimits, partition?: Partition): readonly Region[] {
  const weightOf = weights(rows, limits);
  const random = seededRandom(rows.size);
  const numbers = rows.numbers("vector");
  let open: Range[] =
    partition === undefined
      ? [{ rows: numbers, parts: partsOf(numbers, weightOf), leaf: 0 }]
      : divided(rows, limits.dimensions, numbers, partition).map((part, leaf) => ({
          rows: part,
          parts: partsOf(part, weightOf),
          leaf,
        }));
  while (open.some(({ parts }) => parts > 1)) {
    const lines = open.map((range) => (range.parts > 1 ? lineOf(rows, limits, range.rows, random) : undefined));
    const along = projections(
      rows,
      limits.dimensions,
      lines,
      open.map((range) => range.rows),
    );
    open = open.flatMap((range) => (range.parts > 1 ? halves(range, along, weightOf) : [range]));
  }
  return open.filter((range) => range.rows.length > 0).map(({ leaf, rows: own }) => ({ leaf, rows: own }));
}

/** Divides rows that are in order into runs of a full shard's size at most. */
export function regionsInOrder(rows: LiveRows, ordered: Uint32Array, limits: RegionLimits): readonly Region[] {
  const weightOf = weights(rows, limits);
  const parts = partsOf(ordered, weightOf);
  const regions: Region[] = [];
  let rest = ordered;
  for (let left = parts; left > 0; left--) {
    const cut = left === 1 ? rest.length : cutAt(rest, weightOf, 1 / left);
    regions.push({ leaf: 0, rows: rest.subarray(0, cut) });
    rest = rest.subarray(cut);
  }
  return regions.filter((region) => region.rows.length > 0);
}

/** The share of a full shard that a row takes. */
function weights(rows: LiveRows, { maxDocs, maxBytes }: RegionLimits): (number: number) => number {
  const byShard = rows.shards.map(({ sizeBytes, documents }) =>
    Math.max(1 / maxDocs, ((sizeBytes / documents) * headroom) / maxBytes),
  );
  const even = byShard.every((weight) => weight === byShard[0]) ? byShard[0] : undefined;
  return even === undefined ? (number) => byShard[rows.locate(number).source] as number : () => even;
}

function partsOf(numbers: Uint32Array, weightOf: (number: number) => number): number {
  let total = 0;
  for (const number of numbers) total += weightOf(number);
  return Math.max(1, Math.ceil(total - 1e-6));
}

function halves(range: Range, along: Float32Array, weightOf: (number: number) => number): Range[] {
  const { rows, parts, leaf } = range;
  const order = sortedBy(Float32Array.from(rows, (number) => along[number] as number));
  const sorted = Uint32Array.from(order, (at) => rows[at] as number);
  const lower = parts >> 1;
  const cut = cutAt(sorted, weightOf, lower / parts);
  return [
    { rows: sorted.subarray(0, cut), parts: lower, leaf },
    { rows: sorted.subarray(cut), parts: parts - lower, leaf },
  ];
}

function lineOf(rows: LiveRows, limits: RegionLimits, numbers: Uint32Array, random: () => number): Float32Array {
  const step = Math.max(1, numbers.length / sampleRows);
  const sample = Array.from({ length: Math.min(sampleRows, numbers.length) }, (_, at) =>
    rows.locate(numbers[Math.floor(at * step)] as number),
  );
  const vectors = vectorsOf(rows.sources, sample, limits.dimensions, limits.distance);
  const all = Uint32Array.from(sample, (_ref, at) => at);
  return direction(vectors, all, limits.dimensions, random);
}

/** By row number: where it lies along its range's line. Read from the int8 vectors, which lie together in the file. */
function projections(
  rows: LiveRows,
  dimensions: number,
  lines: readonly (ArrayLike<number> | undefined)[],
  ranges: readonly Uint32Array[],
): Float32Array {
  const none = 0xffff;
  const lineAt = new Uint16Array(rows.size).fill(none);
  ranges.forEach((numbers, range) => {
    if (lines[range] !== undefined) for (const number of numbers) lineAt[number] = range;
  });
  const along = new Float32Array(rows.size);
  rows.shards.forEach(({ vectors }, shard) => {
    const file = rows.sources.files[shard];
    for (let cell = 0; file !== undefined && cell * cellRows < vectors; cell++) {
      const first = rows.first(shard) + cell * cellRows;
      const count = Math.min(cellRows, vectors - cell * cellRows);
      if (lineAt.subarray(first, first + count).every((line) => line === none)) continue;
      const bytes = file.int8(cell);
      const int8 = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const factors = file.exactFactors(cell);
      const scales = new DataView(factors.buffer, factors.byteOffset, factors.byteLength);
      for (let row = 0; row < count; row++) {
        const line = lines[lineAt[first + row] as number];
        if (line !== undefined)
          along[first + row] = scales.getFloat32(row * 12, true) * dotInt8(line, int8, row * dimensions);
      }
    }
  });
  return along;
}

function dotInt8(line: ArrayLike<number>, int8: Int8Array, offset: number): number {
  let sum = 0;
  for (let i = 0; i < line.length; i++) sum += (line[i] as number) * (int8[offset + i] as number);
  return sum;
}

/** The rows of each leaf of a partition; one pass a level. */
function divided(rows: LiveRows, dimensions: number, all: Uint32Array, partition: Partition): readonly Uint32Array[] {
  const out: Uint32Array[] = Array.from({ length: leavesOf(partition) }, () => new Uint32Array(0));
  let open: { readonly at: Partition; readonly rows: Uint32Array }[] = [{ at: partition, rows: all }];
  while (open.length > 0) {
    const lines = open.map(({ at }) => ("leaf" in at ? undefined : at.line));
    const along = projections(
      rows,
      dimensions,
      lines,
      open.map((one) => one.rows),
    );
    open = open.flatMap(({ at, rows: own }) => {
      if ("leaf" in at) {
        out[at.leaf] = own;
        return [];
      }
      const isBelow = (number: number): boolean => (along[number] as number) < at.threshold;
      return [
        { at: at.below, rows: own.filter(isBelow) },
        { at: at.above, rows: own.filter((number) => !isBelow(number)) },
      ];
    });
  }
  return out;
}
