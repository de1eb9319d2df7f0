import { seededRandom } from "../../base/index.ts";

/**
 * A fixed pseudo-random rotation of R^d: rounds of random signs and a normalised Walsh–Hadamard transform over the
 * largest power of two that fits, of the first coordinates in even rounds and of the last in odd ones, so that every
 * coordinate meets every other. It spreads a vector's length evenly over its coordinates, which sign codes need.
 * Part of the file format: codes are only comparable under the same rotation (docs/file-format.md).
 */
export interface Rotation {
  readonly rounds: number;
  /** Length of the transformed block. */
  readonly block: number;
  /** rounds × d values of ±1. */
  readonly signs: Float32Array;
}

const rounds = 4;
const seed = 0x6d6f7361;

export function rotationOf(dimensions: number): Rotation {
  const random = seededRandom(seed ^ dimensions);
  const signs = Float32Array.from({ length: rounds * dimensions }, () => (random() < 0.5 ? -1 : 1));
  return { rounds, block: 2 ** Math.floor(Math.log2(dimensions)), signs };
}
