import { ByteWriter } from "./bytes.ts";

/** Rows of a block: what is skipped or decoded as one. */
export const blockRows = 128;

/** A term's rows in one shard, as they are written. */
export interface EncodedTerm {
  readonly documents: number;
  readonly postings: Uint8Array;
  readonly positions: Uint8Array;
}

/**
 * Encodes the rows that hold a term. `places` are the term's places in the whole shard's stream of terms, ascending; row r
 * has the places from `starts[r]` to `starts[r + 1]`. Postings: count of rows; with more than one block, for each block its
 * last row (difference to the one before), most occurrences in a row, fewest terms of a row, bytes; then per row the
 * difference to the row before and the occurrences. Positions: with more than one block, the bytes of each; then per row the
 * differences between the term's places in it. All numbers are varints.
 */
export function encodeTerm(places: Uint32Array, starts: Uint32Array): EncodedTerm {
  const table = new ByteWriter();
  const sizes = new ByteWriter();
  const rows = new ByteWriter();
  const positions = new ByteWriter();
  let [documents, row, before, lastOfBlock] = [0, 0, -1, -1];
  let [rowsFrom, positionsFrom, mostOccurrences, fewestTerms] = [0, 0, 0, Number.POSITIVE_INFINITY];
  const endBlock = (): void => {
    table.varint(before - lastOfBlock);
    table.varint(mostOccurrences);
    table.varint(fewestTerms);
    table.varint(rows.length - rowsFrom);
    sizes.varint(positions.length - positionsFrom);
    [rowsFrom, positionsFrom, lastOfBlock] = [rows.length, positions.length, before];
    [mostOccurrences, fewestTerms] = [0, Number.POSITIVE_INFINITY];
  };
  for (let at = 0; at < places.length; ) {
    row = rowOf(places[at] as number, starts, row);
    const [start, end] = [starts[row] as number, starts[row + 1] as number];
    const first = at;
    for (let last = start; at < places.length && (places[at] as number) < end; at++) {
      positions.varint((places[at] as number) - last);
      last = places[at] as number;
    }
    rows.varint(row - before);
    rows.varint(at - first);
    before = row;
    documents++;
    mostOccurrences = Math.max(mostOccurrences, at - first);
    fewestTerms = Math.min(fewestTerms, end - start);
    if (documents % blockRows === 0) endBlock();
  }
  if (documents % blockRows !== 0) endBlock();
  const single = documents <= blockRows;
  const head = new ByteWriter();
  head.varint(documents);
  if (!single) head.bytes(table.take());
  head.bytes(rows.take());
  const encoded = single ? positions.take() : Buffer.concat([sizes.take(), positions.take()]);
  return { documents, postings: head.take(), positions: encoded };
}

/** The row that holds a place, which is not before row `from`: near ones first, then by halves. */
function rowOf(place: number, starts: Uint32Array, from: number): number {
  let low = from;
  let step = 1;
  while (low + step < starts.length && (starts[low + step] as number) <= place) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, starts.length - 1);
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= place) low = middle;
    else high = middle;
  }
  return low;
}
