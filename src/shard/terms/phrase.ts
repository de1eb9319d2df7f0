import { ByteReader } from "./bytes.ts";
import { blockRows } from "./encode-term.ts";
import { placeOf, TermList } from "./term-list.ts";

/** A term of a phrase: its rows, and its places in them as `encodeTerm` writes them. */
export interface PlacedTerm {
  readonly list: TermList;
  readonly positions: Uint8Array;
}

/** Reads the places of a term in its rows, asked for in ascending order. */
export class PositionsReader {
  readonly #term: PlacedTerm;
  readonly #reader: ByteReader;
  readonly #offsets: Uint32Array;
  /** The next row, by number in the list, whose places stand at the reader. */
  #next = 0;

  constructor(term: PlacedTerm) {
    this.#term = term;
    this.#reader = new ByteReader(term.positions);
    const blocks = Math.max(1, Math.ceil(term.list.rows.length / blockRows));
    this.#offsets = new Uint32Array(blocks);
    if (blocks === 1) return;
    const sizes = Array.from({ length: blocks }, () => this.#reader.varint());
    let offset = this.#reader.at;
    sizes.forEach((size, block) => {
      this.#offsets[block] = offset;
      offset += size;
    });
  }

  /** The places, from 0, ascending, in the row with this number in the list. */
  of(number: number): readonly number[] {
    const { occurrences } = this.#term.list;
    const first = number - (number % blockRows);
    if (this.#next < first || this.#next > number || number === first) {
      this.#next = first;
      this.#reader.at = this.#offsets[first / blockRows] as number;
    }
    for (; this.#next < number; this.#next++)
      for (let skip = occurrences[this.#next] as number; skip > 0; skip--) this.#reader.varint();
    this.#next++;
    let place = 0;
    return Array.from({ length: occurrences[number] as number }, () => {
      place += this.#reader.varint();
      return place;
    });
  }
}

/** The rows in which terms follow one another, and how often they do: the list of a term that stands for the phrase. */
export function phraseList(terms: readonly PlacedTerm[], lengths: Uint32Array): TermList {
  const readers = terms.map((term) => new PositionsReader(term));
  const at = terms.map(() => 0);
  const rows: number[] = [];
  const occurrences: number[] = [];
  const lead = terms.reduce(
    (least, { list }) => (list.rows.length < least.rows.length ? list : least),
    (terms[0] as PlacedTerm).list,
  );
  for (const row of lead.rows) {
    const everywhere = terms.every(({ list }, term) => {
      const place = placeOf(list.rows, row, at[term] as number);
      at[term] = place;
      return list.rows[place] === row;
    });
    if (!everywhere) continue;
    const [first = [], ...others] = readers.map((reader, term) => reader.of(at[term] as number));
    const sets = others.map((places) => new Set(places));
    const count = first.filter((place) => sets.every((places, term) => places.has(place + term + 1))).length;
    if (count === 0) continue;
    rows.push(row);
    occurrences.push(count);
  }
  return new TermList(Uint32Array.from(rows), Uint32Array.from(occurrences), lengths);
}
