import { type Kernel, roundUp } from "../kernel/kernel.ts";

export { bisect, direction } from "./cluster.ts";

/** A cell as it is stored: see docs/file-format.md#cells. */
export interface EncodedCell {
  /** rows × codeBits(d)/8: bit i (of byte i >> 3, from the lowest) is the sign of coordinate i of the rotated residual. */
  readonly codes: Uint8Array;
  /** rows × float32: what the signs of a row are multiplied by. */
  readonly scales: Uint8Array;
  /** rows × d. */
  readonly int8: Int8Array;
  /** rows × (scale, error, norm) float32. */
  readonly exactFactors: Uint8Array;
}

/** Bits of a code: the dimensions, rounded up to whole bytes. */
export const codeBits = (dimensions: number): number => Math.ceil(dimensions / 8) * 8;

/** The vector scaled to unit length, in a copy; a zero vector stays zero. */
export function normalised(vector: Float32Array): Float32Array {
  let square = 0;
  for (const value of vector) square += value * value;
  const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
  return vector.map((value) => value * scale);
}

const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

/**
 * Encodes a cell's vectors (rows × d, as searched) against their centroid.
 *
 * Codes are RaBitQ's (Gao and Long, SIGMOD 2024): with residual r = x − c rotated by P, o = P·r/‖r‖ and x̄ = sign(o)/√d,
 *   <q, x> ≈ <q, c> + ‖r‖ · <P·q, x̄> / <x̄, o>,   where   <x̄, o> = Σ|oᵢ| / √d .
 * With bits b for positive signs, <P·q, x̄> = (2·Σ bᵢ·q'ᵢ − Σ q'ᵢ)/√d; so a row keeps scale = ‖r‖ / (<x̄, o>·√d), and the scan
 * adds up table values (Kernel.beginCodes).
 */
export function encodeCell(
  vectors: Float32Array,
  centroid: Float32Array,
  dimensions: number,
  kernel: Kernel,
): EncodedCell {
  const rows = vectors.length / dimensions;
  const residuals = vectors.map((value, at) => value - (centroid[at % dimensions] as number));
  const rotated = kernel.rotate(residuals, dimensions, rows);
  const codeBytes = codeBits(dimensions) / 8;
  const codes = new Uint8Array(rows * codeBytes);
  const scales = new Float32Array(rows);
  const int8 = new Int8Array(rows * dimensions);
  const exactFactors = new Float32Array(rows * 3);
  for (let row = 0; row < rows; row++) {
    const at = row * dimensions;
    scales[row] = encodeSigns(
      rotated.subarray(at, at + dimensions),
      codes.subarray(row * codeBytes, (row + 1) * codeBytes),
    );
    encodeInt8(
      vectors.subarray(at, at + dimensions),
      int8.subarray(at, at + dimensions),
      exactFactors.subarray(row * 3),
    );
  }
  return { codes, scales: bytesOf(scales), int8, exactFactors: bytesOf(exactFactors) };
}

/** Sets the bits of a code and returns its scale. */
function encodeSigns(rotated: Float32Array, code: Uint8Array): number {
  let square = 0;
  let absolute = 0;
  for (let i = 0; i < rotated.length; i++) {
    const value = rotated[i] as number;
    square += value * value;
    absolute += Math.abs(value);
    if (value > 0) code[i >>> 3] = (code[i >>> 3] as number) | (1 << (i & 7));
  }
  // ‖r‖ / (<x̄, o>·√d) = ‖r‖² / Σ|rᵢ|; a row that equals its centroid has no residual to estimate.
  return absolute === 0 ? 0 : square / absolute;
}

/** x ≈ scale · x̂ with x̂ in −127…127; error ≥ ‖x − scale·x̂‖ and norm ≥ ‖x‖ as float32, rounded up. */
function encodeInt8(vector: Float32Array, out: Int8Array, factors: Float32Array): void {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  const scale = Math.fround(largest / 127);
  let errorSquare = 0;
  let normSquare = 0;
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] as number;
    const quantised = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale)));
    out[i] = quantised;
    errorSquare += (value - scale * quantised) ** 2;
    normSquare += value ** 2;
  }
  factors[0] = scale;
  factors[1] = roundUp(Math.sqrt(errorSquare));
  factors[2] = roundUp(Math.sqrt(normSquare));
}
