import { ByteReader, ByteWriter } from "./bytes.ts";

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

const noMore = 0xffff_ffff;

/** Goes through the rows of a term in ascending order. Before the first step it stands on its first row. */
export class PostingsCursor {
  readonly documents: number;
  /** The row where it stands (from 0); `PostingsCursor.end` after the last. */
  row = 0;
  occurrences = 0;
  static readonly end = noMore;

  readonly #bytes: Uint8Array;
  readonly #lastRow: Uint32Array;
  readonly #offset: Uint32Array;
  readonly #mostOccurrences: Uint32Array;
  readonly #fewestTerms: Uint32Array;
  readonly #rows: Uint32Array;
  readonly #counts: Uint32Array;
  #block = -1;
  #filled = 0;
  #at = 0;

  constructor(postings: Uint8Array) {
    const reader = new ByteReader(postings);
    this.documents = reader.varint();
    this.#bytes = postings;
    const blocks = Math.max(1, Math.ceil(this.documents / blockRows));
    this.#lastRow = new Uint32Array(blocks);
    this.#offset = new Uint32Array(blocks + 1);
    this.#mostOccurrences = new Uint32Array(blocks);
    this.#fewestTerms = new Uint32Array(blocks);
    const size = Math.min(this.documents, blockRows);
    this.#rows = new Uint32Array(size);
    this.#counts = new Uint32Array(size);
    if (blocks > 1) this.#readTable(reader, blocks);
    else this.#offset.set([reader.at, postings.length]);
    this.#load(0);
    if (blocks === 1) this.#measureOnly();
  }

  get blocks(): number {
    return this.#lastRow.length;
  }
  /** The block where it stands, for what is kept beside the postings block by block, and the row's number within it. */
  get block(): number {
    return this.#block;
  }
  get inBlock(): number {
    return this.#at;
  }
  /** Occurrences in the rows of the block from number `from` to this one, which is not counted in. */
  occurrencesBetween(from: number): number {
    let sum = 0;
    for (let at = from; at < this.#at; at++) sum += this.#counts[at] as number;
    return sum;
  }

  /** The greatest value of `part(occurrences, terms of the row)` that a row may have, for a part that grows and falls so. */
  bound(part: (occurrences: number, terms: number) => number): number {
    let most = 0;
    for (let block = 0; block < this.blocks; block++)
      most = Math.max(most, part(this.#mostOccurrences[block] as number, this.#fewestTerms[block] as number));
    return most;
  }

  /** The same for the block that would hold `row`; 0 after the last. Moves nothing. */
  boundAt(row: number, part: (occurrences: number, terms: number) => number): number {
    const block = this.#blockOf(row);
    if (block >= this.blocks) return 0;
    return part(this.#mostOccurrences[block] as number, this.#fewestTerms[block] as number);
  }

  next(): number {
    if (++this.#at < this.#filled) return this.#stand();
    return this.#load(this.#block + 1);
  }

  /** The first row that is not before `target`. */
  advance(target: number): number {
    if (this.row >= target) return this.row;
    if ((this.#lastRow[this.#block] as number) < target) {
      const block = this.#blockOf(target);
      if (this.#load(block) >= target) return this.row;
    }
    let at = this.#at;
    const rows = this.#rows;
    while (at < this.#filled && (rows[at] as number) < target) at++;
    this.#at = at;
    return at < this.#filled ? this.#stand() : this.#load(this.#block + 1);
  }

  #stand(): number {
    this.occurrences = this.#counts[this.#at] as number;
    this.row = this.#rows[this.#at] as number;
    return this.row;
  }

  #blockOf(row: number): number {
    let block = Math.max(0, this.#block);
    const last = this.#lastRow;
    let step = 1;
    if (block >= last.length || (last[block] as number) >= row) return block;
    while (block + step < last.length && (last[block + step] as number) < row) {
      block += step;
      step *= 2;
    }
    let high = Math.min(block + step, last.length);
    while (high - block > 1) {
      const middle = (block + high) >>> 1;
      if ((last[middle] as number) < row) block = middle;
      else high = middle;
    }
    return high;
  }

  #load(block: number): number {
    this.#block = block;
    this.#at = 0;
    if (block >= this.blocks || this.documents === 0) {
      this.#filled = 0;
      this.occurrences = 0;
      this.row = noMore;
      return noMore;
    }
    const size = Math.min(blockRows, this.documents - block * blockRows);
    this.#decode(this.#offset[block] as number, block === 0 ? -1 : (this.#lastRow[block - 1] as number), size);
    this.#filled = size;
    return this.#stand();
  }

  /** The hot loop: most numbers are one byte. */
  #decode(from: number, before: number, size: number): void {
    const bytes = this.#bytes;
    const rows = this.#rows;
    const counts = this.#counts;
    let at = from;
    let row = before;
    for (let index = 0; index < size; index++) {
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
      counts[index] = value;
    }
  }

  #readTable(reader: ByteReader, blocks: number): void {
    let row = -1;
    const sizes = new Uint32Array(blocks);
    for (let block = 0; block < blocks; block++) {
      row += reader.varint();
      this.#lastRow[block] = row;
      this.#mostOccurrences[block] = reader.varint();
      this.#fewestTerms[block] = reader.varint();
      sizes[block] = reader.varint();
    }
    let offset = reader.at;
    for (let block = 0; block < blocks; block++) {
      this.#offset[block] = offset;
      offset += sizes[block] as number;
    }
    this.#offset[blocks] = offset;
  }

  /** A list of one block says nothing of its rows' lengths: one term is the least that a row can have. */
  #measureOnly(): void {
    this.#lastRow[0] = this.documents === 0 ? 0 : (this.#rows[this.documents - 1] as number);
    let most = 0;
    for (let at = 0; at < this.#filled; at++) most = Math.max(most, this.#counts[at] as number);
    this.#mostOccurrences[0] = most;
    this.#fewestTerms[0] = most;
  }
}

/** The places of a term in its rows, for phrases. */
export class PositionsReader {
  readonly #bytes: Uint8Array;
  readonly #offsets: Uint32Array;
  #block = -1;
  #rowsRead = 0;
  #at = 0;

  constructor(positions: Uint8Array, blocks: number) {
    this.#bytes = positions;
    this.#offsets = new Uint32Array(blocks + 1);
    const reader = new ByteReader(positions);
    const sizes = Array.from({ length: blocks > 1 ? blocks : 0 }, () => reader.varint());
    let offset = reader.at;
    sizes.forEach((size, block) => {
      this.#offsets[block] = offset;
      offset += size;
    });
    if (blocks === 1) this.#offsets[0] = 0;
  }

  /** The places in the row where the cursor stands, from 0, ascending. Rows must be asked for in order. */
  of(cursor: PostingsCursor): readonly number[] {
    if (this.#block !== cursor.block || this.#rowsRead > cursor.inBlock) {
      this.#block = cursor.block;
      this.#rowsRead = 0;
      this.#at = this.#offsets[cursor.block] as number;
    }
    const reader = new ByteReader(this.#bytes, this.#at);
    for (let skip = cursor.occurrencesBetween(this.#rowsRead); skip > 0; skip--) reader.varint();
    let place = 0;
    const places = Array.from({ length: cursor.occurrences }, () => {
      place += reader.varint();
      return place;
    });
    this.#at = reader.at;
    this.#rowsRead = cursor.inBlock + 1;
    return places;
  }
}
