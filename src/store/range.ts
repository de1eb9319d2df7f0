import type { ByteRange } from "./object-store.ts";

/** First byte and length of a range of an object of `sizeBytes`, clipped to it. */
export function resolveRange(
  range: ByteRange | undefined,
  sizeBytes: number,
): { readonly start: number; readonly length: number } {
  if (range === undefined) return { start: 0, length: sizeBytes };
  if ("lastBytes" in range) {
    const length = Math.min(range.lastBytes, sizeBytes);
    return { start: sizeBytes - length, length };
  }
  const start = Math.min(range.start, sizeBytes);
  return { start, length: Math.max(0, Math.min(range.end, sizeBytes) - start) };
}

export function slice(bytes: Uint8Array, range: ByteRange | undefined): Uint8Array {
  const { start, length } = resolveRange(range, bytes.length);
  return bytes.subarray(start, start + length);
}
