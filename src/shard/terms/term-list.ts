import { damaged } from "../pages/damage.ts";
import { ByteReader } from "./bytes.ts";
import { blockRows } from "./encode-term.ts";

/** A term's rows in one shard, ascending, with how often it occurs in each: what scans go through. */
export class TermList {
  readonly rows: Uint32Array;
  readonly occurrences: Uint32Array;
  /** Of each block of rows, what bounds a row's score: see `boundsOf`. */
  readonly shapes: Uint32Array;

  constructor(rows: Uint32Array, occurrences: Uint32Array, lengths: Uint32Array) {
    this.rows = rows;
    this.occurrences = occurrences;
    this.shapes = shapesOf(rows, occurrences, lengths);
  }

  /** Of memory. */
  get bytes(): number {
    return this.rows.byteLength + this.occurrences.byteLength + this.shapes.byteLength;
  }

  /** The inverse of `encodeTerm`; `lengths`: terms of each row. Throws `data` for bytes that are no such list. */
  static decode(postings: Uint8Array, lengths: Uint32Array): TermList {
    const reader = new ByteReader(postings);
    const documents = reader.varint();
    if (documents > lengths.length) throw damaged("a term has more rows than the shard");
    if (documents > blockRows) for (let skip = 4 * Math.ceil(documents / blockRows); skip > 0; skip--) reader.varint();
    const rows = new Uint32Array(documents);
    const occurrences = new Uint32Array(documents);
    if (decodeInto(postings, reader.at, rows, occurrences) !== postings.length)
      throw damaged("a list of rows is not as long as it says");
    if (documents > 0 && (rows[documents - 1] as number) >= lengths.length) throw damaged("a term's row is not there");
    return new TermList(rows, occurrences, lengths);
  }
}

/** The hot loop: most numbers are one byte. Returns where it ended. */
function decodeInto(bytes: Uint8Array, from: number, rows: Uint32Array, occurrences: Uint32Array): number {
  let at = from;
  let row = -1;
  for (let index = 0; index < rows.length; index++) {
    let value = bytes[at++] as number;
    if (value >= 128) {
      value &= 127;
      for (let scale = 128; ; scale *= 128) {
        const byte = bytes[at++] as number;
        value += (byte & 127) * scale;
        if (!(byte >= 128)) break;
      }
    }
    row += value;
    rows[index] = row;
    value = bytes[at++] as number;
    if (value >= 128) {
      value &= 127;
      for (let scale = 128; ; scale *= 128) {
        const byte = bytes[at++] as number;
        value += (byte & 127) * scale;
        if (!(byte >= 128)) break;
      }
    }
    occurrences[index] = value;
  }
  return at;
}

/** Numbers of a block's shape. */
const shapeSize = 4;
const none = 0xffff_ffff;

/**
 * A row's score grows with the term's occurrences and falls with the row's terms. So what a block can score is bounded by the
 * shortest row with one occurrence, the shortest with two, and a row with the most occurrences and the fewest terms of
 * the others: nearly what its best row scores, whatever the collection's average is by now.
 */
function shapesOf(rows: Uint32Array, occurrences: Uint32Array, lengths: Uint32Array): Uint32Array {
  const shapes = new Uint32Array(shapeSize * Math.ceil(rows.length / blockRows));
  for (let block = 0, from = 0; from < rows.length; block++, from += blockRows) {
    let [shortestOfOne, shortestOfTwo, shortest, most] = [none, none, none, 0];
    for (let at = from; at < Math.min(rows.length, from + blockRows); at++) {
      const count = occurrences[at] as number;
      const length = lengths[rows[at] as number] as number;
      if (count === 1) shortestOfOne = length < shortestOfOne ? length : shortestOfOne;
      else if (count === 2) shortestOfTwo = length < shortestOfTwo ? length : shortestOfTwo;
      else {
        shortest = length < shortest ? length : shortest;
        most = count > most ? count : most;
      }
    }
    shapes[shapeSize * block] = shortestOfOne;
    shapes[shapeSize * block + 1] = shortestOfTwo;
    shapes[shapeSize * block + 2] = shortest;
    shapes[shapeSize * block + 3] = most;
  }
  return shapes;
}

/** The most that `part` gives a row of each block of a list, and of the whole list. */
export function boundsOf(
  { shapes }: TermList,
  part: (occurrences: number, terms: number) => number,
): { readonly blocks: Float64Array; readonly most: number } {
  const blocks = new Float64Array(shapes.length / shapeSize);
  let most = 0;
  for (let block = 0; block < blocks.length; block++) {
    let bound = 0;
    for (let kind = 0; kind < 3; kind++) {
      const terms = shapes[shapeSize * block + kind] as number;
      if (terms === none) continue;
      const occurrences = kind < 2 ? kind + 1 : (shapes[shapeSize * block + 3] as number);
      bound = Math.max(bound, part(occurrences, terms));
    }
    blocks[block] = bound;
    most = Math.max(most, bound);
  }
  return { blocks, most };
}

/** The number of the first row of a list, from number `from` on, that is not before `row`. */
export function placeOf(rows: Uint32Array, row: number, from: number): number {
  if (from >= rows.length || (rows[from] as number) >= row) return from;
  let low = from;
  let step = 1;
  while (low + step < rows.length && (rows[low + step] as number) < row) {
    low += step;
    step *= 2;
  }
  let high = low + step < rows.length ? low + step : rows.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as number) < row) low = middle;
    else high = middle;
  }
  return high;
}
