/** A value of an index, of which only the first bytes may be known. */
export interface PartialText {
  /** null, number, text, blob: see `rankOf`. */
  readonly rank: 0 | 1 | 2 | 3;
  readonly bytes: Uint8Array;
  /** Of the whole text, in bytes. */
  readonly length: number;
}

/**
 * Negative, 0 or positive, as BINARY collation orders them: byte by byte in UTF-8, the shorter first. Undefined when the
 * bytes that are known don't tell, and between values of which neither is text.
 */
export function compareTexts(a: PartialText, b: PartialText): number | undefined {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.rank !== 2) return undefined;
  if (a.bytes.length === a.length && b.bytes.length === b.length) return Buffer.compare(a.bytes, b.bytes);
  const common = Math.min(a.bytes.length, b.bytes.length);
  const order = Buffer.compare(a.bytes.subarray(0, common), b.bytes.subarray(0, common));
  if (order !== 0) return order;
  // One of them ends where the other goes on.
  return common === a.length || common === b.length ? a.length - b.length : undefined;
}
