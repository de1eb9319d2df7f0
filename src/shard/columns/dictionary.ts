import { deflateRawSync, inflateRawSync } from "node:zlib";
import { damaged } from "../pages/damage.ts";

/** A value of a column as SQLite has it; its dictionary has no NULL. */
export type ColumnValue = bigint | number | string;
/** What a column may be compared with. */
export type Constant = ColumnValue | Uint8Array;

/** Codes from `low` to `high`, both included. */
export interface CodeRange {
  readonly low: number;
  readonly high: number;
}

/** The code of NULL; the dictionary's value i has code i + 1. */
export const nullCode = 0;

const [wholeTag, realTag] = [0, 1];

/**
 * Values in SQLite's order, each once, deflated without a header: u32 numbers · u32 texts · u8 a number (0 whole, 1 real) ·
 * 8 bytes a number (i64 or f64) · u32 bytes of each text · the texts, UTF-8.
 */
export function encodeDictionary(values: readonly ColumnValue[]): Uint8Array {
  const numbers = values.filter((value) => typeof value !== "string");
  const texts = values.filter((value) => typeof value === "string").map((text) => Buffer.from(text));
  const head = Buffer.alloc(8 + 9 * numbers.length + 4 * texts.length);
  head.writeUInt32LE(numbers.length, 0);
  head.writeUInt32LE(texts.length, 4);
  const places = 8 + numbers.length;
  numbers.forEach((value, at) => {
    const whole = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value) : undefined;
    head.writeUInt8(whole === undefined ? realTag : wholeTag, 8 + at);
    if (whole === undefined) head.writeDoubleLE(Number(value), places + 8 * at);
    else head.writeBigInt64LE(whole, places + 8 * at);
  });
  const lengths = places + 8 * numbers.length;
  texts.forEach((text, at) => {
    head.writeUInt32LE(text.length, lengths + 4 * at);
  });
  return deflateRawSync(Buffer.concat([head, ...texts]));
}

/** The values of a column, found by binary search; texts stay bytes until then. */
export class Dictionary {
  readonly numbers: number;
  readonly size: number;
  /** Of what it holds in memory. */
  readonly bytes: number;
  readonly #bytes: Buffer;
  /** Where text i begins, and one more. */
  readonly #starts: Uint32Array;

  private constructor(bytes: Buffer, numbers: number, texts: number) {
    this.#bytes = bytes;
    this.numbers = numbers;
    this.size = numbers + texts;
    this.#starts = new Uint32Array(texts + 1);
    this.bytes = bytes.length + this.#starts.byteLength;
    const lengths = 8 + 9 * numbers;
    let next = lengths + 4 * texts;
    for (let at = 0; at < texts; at++) {
      this.#starts[at] = next;
      next += bytes.readUInt32LE(lengths + 4 * at);
    }
    this.#starts[texts] = next;
    if (next !== bytes.length) throw damaged("a dictionary has another length");
  }

  /** Throws `data` when the bytes are none. */
  static decode(deflated: Uint8Array): Dictionary {
    let bytes: Buffer;
    try {
      bytes = inflateRawSync(deflated);
      const [numbers, texts] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
      if (8 + 9 * numbers + 4 * texts <= bytes.length) return new Dictionary(bytes, numbers, texts);
    } catch {
      throw damaged("a dictionary can't be read");
    }
    throw damaged("a dictionary ends too early");
  }

  /** How many values come before this one. */
  below(value: Constant): number {
    return this.#first((at) => this.#compare(at, value) >= 0);
  }

  /** How many come before it or equal it. */
  upTo(value: Constant): number {
    return this.#first((at) => this.#compare(at, value) > 0);
  }

  /** The texts that begin with `prefix`, ASCII letters in any case: SQLite's LIKE. Undefined when these are too many runs. */
  beginning(prefix: string): readonly CodeRange[] | undefined {
    let runs = [{ from: this.numbers, to: this.size }];
    const bytes = Buffer.from(prefix);
    for (let at = 0; at < bytes.length; at++) {
      runs = runs.flatMap(({ from, to }) =>
        casesOf(bytes[at] as number).map((byte) => this.#within(from, to, at, byte)),
      );
      runs = runs.filter(({ from, to }) => from < to);
      if (runs.length > mostRuns) return undefined;
    }
    return runs.map(({ from, to }) => ({ low: from + 1, high: to }));
  }

  /** Of the values from…to, whose bytes before `at` are all equal, those that have `byte` there. */
  #within(from: number, to: number, at: number, byte: number): { from: number; to: number } {
    const byteOf = (value: number): number => {
      const [start, end] = this.#span(value);
      return start + at < end ? (this.#bytes[start + at] as number) : -1;
    };
    return {
      from: firstIn(from, to, (value) => byteOf(value) >= byte),
      to: firstIn(from, to, (value) => byteOf(value) > byte),
    };
  }

  #first(holds: (at: number) => boolean): number {
    return firstIn(0, this.size, holds);
  }

  /** Numbers before texts before blobs. */
  #compare(at: number, value: Constant): number {
    if (at < this.numbers) {
      if (typeof value !== "bigint" && typeof value !== "number") return -1;
      const own = this.#number(at);
      return own < value ? -1 : own > value ? 1 : 0;
    }
    if (value instanceof Uint8Array) return -1;
    if (typeof value !== "string") return 1;
    const [start, end] = this.#span(at);
    return Buffer.compare(this.#bytes.subarray(start, end), encoded(value));
  }

  #number(at: number): bigint | number {
    const place = 8 + this.numbers + 8 * at;
    const isReal = this.#bytes[8 + at] === realTag;
    return isReal ? this.#bytes.readDoubleLE(place) : this.#bytes.readBigInt64LE(place);
  }

  #span(at: number): readonly [number, number] {
    const text = at - this.numbers;
    return [this.#starts[text] as number, this.#starts[text + 1] as number];
  }
}

/** Runs of texts that a beginning in any case may be spread over. */
const mostRuns = 64;

/** The first for which it holds; it holds for all after that. */
function firstIn(from: number, to: number, holds: (at: number) => boolean): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function casesOf(byte: number): readonly number[] {
  const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
  return isLetter ? [byte & ~32, byte | 32] : [byte];
}

/** A binary search asks for the same text again and again. */
let lastText = "";
let lastBytes = Buffer.alloc(0);
function encoded(text: string): Buffer {
  if (text !== lastText) [lastText, lastBytes] = [text, Buffer.from(text)];
  return lastBytes;
}
