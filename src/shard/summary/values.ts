import { Bloom } from "./bloom.ts";

/**
 * What a summary knows of the values in a shard, so that a condition may exclude all of its rows. Everything here is a
 * superset: rows that died are still counted in.
 */
export interface ShardValues {
  readonly createdAt: TextRange;
  readonly updatedAt: TextRange;
  readonly pagerank: NumberRange;
  readonly wordCount: NumberRange;
  /** Top-level keys of metadata. Undefined when there are too many, or a row's metadata is not what JSON.stringify writes. */
  readonly keys: ReadonlyMap<string, KeyValues> | undefined;
  /** `valueKey` of each text and whole number of the keys that are `listed`. */
  readonly listed: Bloom;
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** In the order of UTF-8 bytes. `min` may be cut short, which only makes it less; `max` is null when it is too long. */
export interface TextRange {
  readonly min: string;
  readonly max: string | null;
}

/** The values of a key as SQL sees them: true and false are 1 and 0, arrays and objects are texts of any kind. */
export interface KeyValues {
  /** Some row has no such key, or null. */
  readonly mayBeNull: boolean;
  readonly numbers: NumberRange | null;
  readonly texts: TextRange | null;
  readonly listed: boolean;
  /** No arrays or objects. */
  readonly plain: boolean;
}

export const valueKey = (key: string, value: string | number | bigint): string =>
  `${key}\0${typeof value === "string" ? "t" : "n"}${value}`;

const mostKeys = 64;
/** Distinct values of one key, and of all keys: a bloom filter takes 12 bits for each. */
const mostOfKey = 4096;
const mostOfAll = 16_384;
const longestBytes = 64;

const utf8Order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

class Texts {
  #min: string | undefined;
  #max: string | undefined;

  add(text: string): void {
    if (this.#min === undefined || utf8Order(text, this.#min) < 0) this.#min = text;
    if (this.#max === undefined || utf8Order(text, this.#max) > 0) this.#max = text;
  }

  range(): TextRange | null {
    if (this.#min === undefined || this.#max === undefined) return null;
    const min = Array.from(this.#min)
      .slice(0, longestBytes / 4)
      .join("");
    return { min, max: Buffer.byteLength(this.#max) > longestBytes ? null : this.#max };
  }
}

class Numbers {
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  range(): NumberRange | null {
    return this.#min > this.#max ? null : { min: this.#min, max: this.#max };
  }
}

class Key {
  readonly numbers = new Numbers();
  readonly texts = new Texts();
  readonly values = new Set<string | number>();
  rows = 0;
  open = false;

  add(value: unknown): void {
    if (value === null) return;
    this.rows++;
    if (typeof value === "object") this.open = true;
    else if (typeof value === "string") this.#addText(value);
    else this.#addNumber(Number(value));
  }

  #addText(text: string): void {
    // SQLite's idea of such a text is its own.
    if (!text.isWellFormed() || text.includes("\0")) this.open = true;
    this.texts.add(text);
    if (this.values.size <= mostOfKey) this.values.add(text);
  }

  #addNumber(value: number): void {
    this.numbers.add(value);
    if (Number.isInteger(value) && this.values.size <= mostOfKey) this.values.add(value);
  }
}

const byValues = ([, a]: [string, Key], [, b]: [string, Key]): number => a.values.size - b.values.size;

export interface ValueRow {
  readonly text: string;
  readonly metadata: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly pagerank: number;
}

/** Collects the values of a shard's rows as they are written. */
export class ValueCollector {
  readonly #created = new Texts();
  readonly #updated = new Texts();
  readonly #pagerank = new Numbers();
  readonly #wordCount = new Numbers();
  readonly #keys = new Map<string, Key>();
  #rows = 0;
  #readable = true;

  add({ text, metadata, createdAt, updatedAt, pagerank }: ValueRow): void {
    this.#rows++;
    this.#created.add(createdAt);
    this.#updated.add(updatedAt);
    this.#pagerank.add(pagerank);
    this.#wordCount.add(wordsOf(text));
    if (this.#readable) this.#addMetadata(metadata);
  }

  values(): ShardValues {
    const nothing = { min: "", max: "" };
    const listed = this.#listed();
    const keys = [...listed.values()].flatMap(({ name, values }) => [...values].map((value) => valueKey(name, value)));
    return {
      createdAt: this.#created.range() ?? nothing,
      updatedAt: this.#updated.range() ?? nothing,
      pagerank: this.#pagerank.range() ?? { min: 0, max: 0 },
      wordCount: this.#wordCount.range() ?? { min: 0, max: 0 },
      keys: this.#readable ? this.#describe(new Set(listed.map(({ name }) => name))) : undefined,
      listed: Bloom.of(keys, keys.length),
    };
  }

  /** SQLite takes the first of two equal keys, JSON.parse the last: only text that has none is read here. */
  #addMetadata(metadata: string): void {
    const parsed = JSON.parse(metadata) as Readonly<Record<string, unknown>>;
    this.#readable = JSON.stringify(parsed) === metadata;
    for (const [name, value] of Object.entries(parsed)) {
      const key = this.#keys.get(name) ?? new Key();
      this.#keys.set(name, key);
      key.add(value);
    }
    this.#readable &&= this.#keys.size <= mostKeys;
  }

  /** The keys whose values are few enough, those with the fewest first. */
  #listed(): readonly { readonly name: string; readonly values: ReadonlySet<string | number> }[] {
    const few = [...this.#keys]
      .map(([name, { values }]) => ({ name, values }))
      .filter(({ values }) => values.size <= mostOfKey);
    let total = 0;
    return few
      .sort((a, b) => a.values.size - b.values.size)
      .filter(({ values }) => {
        total += values.size;
        return total <= mostOfAll;
      });
  }

  #describe(listed: ReadonlySet<string>): ReadonlyMap<string, KeyValues> {
    const any = { min: "", max: null };
    return new Map(
      [...this.#keys].sort(byValues).map(([name, { numbers, texts, rows, open }]) => [
        name,
        {
          mayBeNull: rows < this.#rows,
          numbers: numbers.range(),
          texts: open ? any : texts.range(),
          listed: listed.has(name) && !open,
          plain: !open,
        },
      ]),
    );
  }
}

/** The keys whose values are all plain, so that an index on them serves filters; those with the fewest values first. */
export const plainKeys = ({ keys }: ShardValues): readonly string[] =>
  keys === undefined ? [] : [...keys].filter(([, { plain }]) => plain).map(([name]) => name);

/** As the column word_count is generated: SQLite's length ends at a NUL. */
export function wordsOf(text: string): number {
  const end = text.indexOf("\0");
  let words = 1;
  for (let at = text.indexOf(" "); at >= 0 && (end < 0 || at < end); at = text.indexOf(" ", at + 1)) words++;
  return words;
}

/** u32 length of the JSON · JSON · the filter's bytes. */
export function encodeValues({ keys, listed, ...ranges }: ShardValues): Uint8Array {
  const json = Buffer.from(JSON.stringify({ ...ranges, keys: keys === undefined ? null : [...keys] }));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(json.length);
  return Buffer.concat([head, json, listed.bytes]);
}

type Encoded = Omit<ShardValues, "keys" | "listed"> & { readonly keys: readonly [string, KeyValues][] | null };

export function decodeValues(bytes: Buffer): ShardValues {
  const end = 4 + bytes.readUInt32LE(0);
  const { keys, ...ranges } = JSON.parse(bytes.toString("utf8", 4, end)) as Encoded;
  const listed = new Bloom(new Uint8Array(bytes.subarray(end)));
  return { ...ranges, keys: keys === null ? undefined : new Map(keys), listed };
}
