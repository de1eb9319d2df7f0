import { seededRandom } from "../../base/index.ts";
import type { Kernel } from "../kernel/kernel.ts";

const sampleSize = 2048;
const iterations = 6;
const dotsBatch = 4096;

/**
 * A permutation of the rows in which consecutive runs of `cellRows` are compact cells: the rows are split in two along
 * the line between two means (2-means on a sample), at the multiple of `cellRows` nearest the middle, and each half
 * again. Every cell but the last is full. Deterministic.
 */
export function bisect(
  vectors: Float32Array,
  count: number,
  dimensions: number,
  cellRows: number,
  kernel: Kernel,
): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, row) => row);
  const random = seededRandom(count ^ dimensions);
  const split = (from: number, to: number): void => {
    const cells = Math.ceil((to - from) / cellRows);
    if (cells < 2) return;
    const rows = order.subarray(from, to);
    sortAlong(rows, projections(vectors, rows, dimensions, direction(vectors, rows, dimensions, random), kernel));
    const middle = from + (cells >> 1) * cellRows;
    split(from, middle);
    split(middle, to);
  };
  split(0, count);
  return order;
}

/** The line between the two means of a sample of some rows, by Lloyd's algorithm from two random ones. */
export function direction(
  vectors: Float32Array,
  rows: Uint32Array,
  dimensions: number,
  random: () => number,
): Float32Array {
  const pick = (): number => rows[Math.floor(random() * rows.length)] as number;
  const sample = rows.length <= sampleSize ? rows : Uint32Array.from({ length: sampleSize }, pick);
  const vectorOf = (row: number): Float32Array => vectors.subarray(row * dimensions, (row + 1) * dimensions);
  let line = subtract(vectorOf(pick()), vectorOf(pick()));
  for (let step = 0; step < iterations; step++) {
    const values = Float32Array.from(sample, (row) => dot(line, vectorOf(row)));
    const middle = median(values);
    const means = [new Float64Array(dimensions), new Float64Array(dimensions)] as const;
    const counts = [0, 0];
    sample.forEach((row, at) => {
      const side = (values[at] as number) > middle ? 0 : 1;
      counts[side] = (counts[side] as number) + 1;
      const mean = means[side] as Float64Array;
      const vector = vectorOf(row);
      for (let i = 0; i < dimensions; i++) mean[i] = (mean[i] as number) + (vector[i] as number);
    });
    if (counts[0] === 0 || counts[1] === 0) return line;
    const [a, b] = means;
    line = Float32Array.from(a, (value, i) => value / (counts[0] as number) - (b[i] as number) / (counts[1] as number));
  }
  return line;
}

/** Inner product of each row with the line, in batches that fit the kernel's scratch memory. */
function projections(
  vectors: Float32Array,
  rows: Uint32Array,
  dimensions: number,
  line: Float32Array,
  kernel: Kernel,
): Float32Array {
  const values = new Float32Array(rows.length);
  const batch = new Float32Array(Math.min(dotsBatch, rows.length) * dimensions);
  for (let from = 0; from < rows.length; from += dotsBatch) {
    const part = rows.subarray(from, from + dotsBatch);
    part.forEach((row, at) => batch.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), at * dimensions));
    values.set(kernel.dots(line, batch, part.length), from);
  }
  return values;
}

function sortAlong(rows: Uint32Array, values: Float32Array): void {
  const positions = Uint32Array.from(rows, (_row, at) => at);
  positions.sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
  rows.set(Uint32Array.from(positions, (at) => rows[at] as number));
}

function median(values: Float32Array): number {
  return values.slice().sort()[values.length >> 1] as number;
}

const subtract = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value - (b[i] as number));

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
