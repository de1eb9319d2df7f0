import { type EncodedTerm, encodeTerm } from "./encode-term.ts";

/** Makes the terms of a text, in order. */
export type Analyse = (text: string) => readonly string[];

export interface IndexedTerm extends EncodedTerm {
  readonly term: string;
}

/**
 * Inverts the texts of a shard's rows, added in row order. Holds 4 bytes for every term of every text, 8 while `terms` runs,
 * and each different term once.
 */
export class InvertedIndex {
  readonly #analyse: Analyse;
  readonly #numbers = new Map<string, number>();
  readonly #starts: number[] = [0];
  #stream = new Uint32Array(1024);
  #length = 0;

  constructor(analyse: Analyse) {
    this.#analyse = analyse;
  }

  add(text: string): void {
    const terms = this.#analyse(text);
    this.#reserve(terms.length);
    for (const term of terms) {
      let number = this.#numbers.get(term);
      if (number === undefined) {
        number = this.#numbers.size;
        this.#numbers.set(term, number);
      }
      this.#stream[this.#length++] = number;
    }
    this.#starts.push(this.#length);
  }

  /** Terms of all texts, repeated ones as often as they occur. */
  get total(): number {
    return this.#length;
  }

  /** Terms of each row. */
  lengths(): Uint32Array {
    const lengths = new Uint32Array(this.#starts.length - 1);
    for (let row = 0; row < lengths.length; row++)
      lengths[row] = (this.#starts[row + 1] as number) - (this.#starts[row] as number);
    return lengths;
  }

  /** In the order of UTF-8 bytes. */
  *terms(): Generator<IndexedTerm> {
    const starts = Uint32Array.from(this.#starts);
    const { ends, places } = this.#placesByTerm();
    const sorted = [...this.#numbers].map(([term, number]) => ({ term, number, bytes: Buffer.from(term) }));
    sorted.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    for (const { term, number } of sorted) {
      const from = number === 0 ? 0 : (ends[number - 1] as number);
      yield { term, ...encodeTerm(places.subarray(from, ends[number]), starts) };
    }
  }

  /** A counting sort: the places in the stream, term by term. */
  #placesByTerm(): { ends: Uint32Array; places: Uint32Array } {
    const stream = this.#stream.subarray(0, this.#length);
    const ends = new Uint32Array(this.#numbers.size);
    for (const number of stream) ends[number] = (ends[number] as number) + 1;
    let sum = 0;
    for (let number = 0; number < ends.length; number++) {
      const count = ends[number] as number;
      ends[number] = sum; // for now the term's first place; each step below moves it on to its end
      sum += count;
    }
    const places = new Uint32Array(stream.length);
    stream.forEach((number, place) => {
      const to = ends[number] as number;
      places[to] = place;
      ends[number] = to + 1;
    });
    return { ends, places };
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#stream.length) return;
    const larger = new Uint32Array(Math.max(this.#stream.length * 2, this.#length + more));
    larger.set(this.#stream.subarray(0, this.#length));
    this.#stream = larger;
  }
}
