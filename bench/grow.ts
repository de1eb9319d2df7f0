import { seededRandom } from "../src/base/index.ts";
import { bisect, Kernel, normalised } from "../src/shard/index.ts";
import { dimensions, rowOf } from "./data.ts";

/** Rows among which a row's neighbours are looked for: a compact cell, not the whole set, which would take hours. */
const cellRows = 512;
const neighbours = 8;

export interface Grown {
  /** Row-major, unit length; the first rows are the originals. */
  readonly vectors: Float32Array;
  /** The original that each row grew from. */
  readonly origin: Uint32Array;
}

/**
 * A set of `count` vectors grown from a smaller real one: each new vector is a random point between a random original
 * and one of its near neighbours, so that the new set has the old one's clusters and its local dimensionality.
 * Deterministic for a seed.
 */
export function grow(originals: Float32Array, count: number, seed = 1): Grown {
  const known = originals.length / dimensions;
  const vectors = new Float32Array(count * dimensions);
  vectors.set(originals.subarray(0, Math.min(count, known) * dimensions));
  const origin = Uint32Array.from({ length: count }, (_, row) => Math.min(row, known - 1));
  if (count <= known) return { vectors, origin };
  const near = nearNeighbours(originals, known);
  const random = seededRandom(seed);
  for (let row = known; row < count; row++) {
    const from = Math.floor(random() * known);
    const to = near[from * neighbours + Math.floor(random() * neighbours)] as number;
    origin[row] = from;
    vectors.set(between(rowOf(originals, from), rowOf(originals, to), random()), row * dimensions);
  }
  return { vectors, origin };
}

const between = (a: Float32Array, b: Float32Array, share: number): Float32Array =>
  normalised(a.map((value, i) => value + share * ((b[i] as number) - value)));

/** For each row the nearest rows of its cell. */
function nearNeighbours(vectors: Float32Array, count: number): Uint32Array {
  const kernel = Kernel.load();
  const order = bisect(vectors, count, dimensions, cellRows, kernel);
  const near = new Uint32Array(count * neighbours);
  for (let first = 0; first < count; first += cellRows) {
    const rows = order.subarray(first, Math.min(first + cellRows, count));
    const cell = new Float32Array(rows.length * dimensions);
    rows.forEach((row, at) => cell.set(rowOf(vectors, row), at * dimensions));
    rows.forEach((row) => {
      const dots = kernel.dots(rowOf(vectors, row), cell, rows.length);
      const best = Uint32Array.from(rows, (_row, at) => at).sort((a, b) => (dots[b] as number) - (dots[a] as number));
      // The first is the row itself.
      for (let k = 0; k < neighbours; k++)
        near[row * neighbours + k] = rows[best[(k + 1) % best.length] as number] as number;
    });
  }
  return near;
}
