import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, seededRandom } from "../../src/base/index.ts";

/** `count` vectors around a few centres: what embeddings look like, as far as scans and cells care. Row-major, unit length. */
export function clusteredVectors(count: number, dimensions: number, seed: number, clusters = 12): Float32Array {
  const random = seededRandom(seed);
  const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const centres = Array.from({ length: clusters * dimensions }, gaussian);
  const vectors = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row++) {
    const centre = Math.floor(random() * clusters) * dimensions;
    let square = 0;
    for (let i = 0; i < dimensions; i++) {
      const value = (centres[centre + i] as number) + 0.8 * gaussian();
      vectors[row * dimensions + i] = value;
      square += value * value;
    }
    for (let i = 0; i < dimensions; i++) (vectors[row * dimensions + i] as number) /= Math.sqrt(square);
  }
  return vectors;
}

export const rowOf = (matrix: Float32Array, row: number, dimensions: number): Float32Array =>
  matrix.subarray(row * dimensions, (row + 1) * dimensions);

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export const sharedData = join(packageRoot, "..", "shared", "data");
/** Real vectors and judgements lie beside a development checkout only. */
export const hasSharedData = existsSync(join(sharedData, "debian.vectors.f16"));
export const withoutSharedData = "skipped: the real data set is not beside this checkout";

export function debianVectors(count: number): Float32Array {
  const bytes = readFileSync(join(sharedData, "debian.vectors.f16"));
  return Float32Array.from(new Float16Array(bytes.buffer, bytes.byteOffset, count * 384));
}
