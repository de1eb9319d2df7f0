import type Database from "better-sqlite3";
import { plainKeys, type ShardValues } from "../summary/values.ts";
import { type ColumnValue, encodeDictionary } from "./dictionary.ts";

/** Columns of the table that filters read. */
const ownColumns = ["created_at", "updated_at", "word_count"] as const;
/** Before the name of a key of metadata. */
export const keyPrefix = "metadata.";

/** Keys that get a column at most; those with the fewest values first. */
const mostKeys = 24;
/** Of a column: its dictionary and codes, before compression. */
const mostBytesPerRow = 32;
/** Of all columns together, as they are stored. */
const allBytesPerRow = 64;
/** A small shard may take more a row. */
const leastBytes = 65_536;
/** A text that is longer is not what filters compare with. */
const longestText = 256;

export interface EncodedColumn {
  readonly name: string;
  readonly dictionary: Uint8Array;
  readonly codes: Uint8Array;
}

/**
 * Columns of codes for filters: created_at, updated_at, word_count, and keys of metadata that a filter can name. Their values
 * are read by SQLite itself, so they are what it would compare.
 */
export function columnsOf(db: Database.Database, values: ShardValues, rows: number): readonly EncodedColumn[] {
  const plain = plainKeys(values)
    .filter((key) => /^[A-Za-z_]\w{0,62}$/.test(key))
    .slice(0, mostKeys);
  const most = mostBytesPerRow * rows + leastBytes;
  const columns = [...ownColumns, ...plain.map((key) => `${keyPrefix}${key}`)].map(
    (name) => new Column(name, rows, most),
  );
  const expressions = [...ownColumns, ...plain.map((key) => `metadata->>'${key}'`)];
  const statement = db.prepare(`SELECT ${expressions.join(", ")} FROM documents ORDER BY rowid`);
  let row = 0;
  for (const cells of statement.raw().safeIntegers().iterate() as IterableIterator<Cell[]>) {
    for (let at = 0; at < columns.length; at++) (columns[at] as Column).add(row, cells[at] as Cell);
    row++;
  }
  return affordable(columns, allBytesPerRow * rows + leastBytes);
}

type Cell = ColumnValue | Uint8Array | null;

/** The cheapest come first; the rest of the budget may still do for one that is dearer than the next. */
function affordable(columns: readonly Column[], budget: number): readonly EncodedColumn[] {
  const encoded = columns.flatMap((column) => column.encode() ?? []);
  const bytesOf = ({ dictionary, codes }: EncodedColumn): number => dictionary.length + codes.length;
  let left = budget;
  const kept = encoded
    .toSorted((a, b) => bytesOf(a) - bytesOf(b))
    .filter((column) => {
      const fits = bytesOf(column) <= left;
      if (fits) left -= bytesOf(column);
      return fits;
    });
  return encoded.filter((column) => kept.includes(column));
}

class Column {
  readonly #name: string;
  readonly #most: number;
  /** By row: 0 for NULL, else the number of a value in the order of appearance, from 1. */
  #numbers: Uint32Array | undefined;
  readonly #known = new Map<ColumnValue, number>();
  #bytes: number;

  constructor(name: string, rows: number, most: number) {
    this.#name = name;
    this.#most = most;
    this.#numbers = new Uint32Array(rows);
    this.#bytes = rows;
  }

  add(row: number, cell: Cell): void {
    if (this.#numbers === undefined || cell === null) return;
    // A blob has no place in a column, and U+FFFD may stand for bytes that are no UTF-8.
    if (cell instanceof Uint8Array || (typeof cell === "string" && isUnfit(cell))) {
      this.#giveUp();
      return;
    }
    const value = typeof cell === "bigint" && Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
    const number = this.#known.get(value) ?? this.#added(value);
    if (this.#numbers !== undefined) this.#numbers[row] = number;
  }

  encode(): EncodedColumn | undefined {
    const numbers = this.#numbers;
    if (numbers === undefined || this.#known.size === 0) return undefined;
    const sorted = [...this.#known].sort(([a], [b]) => inOrder(a, b));
    const values: ColumnValue[] = [];
    const codeOf = new Uint32Array(sorted.length + 1);
    for (const [value, number] of sorted) {
      const last = values.at(-1);
      // A whole number beyond 2^53 and an equal real are one value.
      if (last === undefined || inOrder(last, value) !== 0) values.push(value);
      codeOf[number] = values.length;
    }
    const codes = packed(
      numbers.map((number) => codeOf[number] as number),
      widthOf(values.length),
    );
    return { name: this.#name, dictionary: encodeDictionary(values), codes };
  }

  #added(value: ColumnValue): number {
    const number = this.#known.size + 1;
    this.#known.set(value, number);
    this.#bytes += typeof value === "string" ? 4 + Buffer.byteLength(value) : 9;
    if (this.#bytes > this.#most) this.#giveUp();
    return number;
  }

  #giveUp(): void {
    this.#numbers = undefined;
    this.#known.clear();
  }
}

const isUnfit = (text: string): boolean => text.length > longestText || text.includes("\ufffd") || !text.isWellFormed();

/** As SQLite compares: numbers before texts, texts by their UTF-8 bytes. */
function inOrder(a: ColumnValue, b: ColumnValue): number {
  const [textA, textB] = [typeof a === "string", typeof b === "string"];
  if (textA !== textB) return textA ? 1 : -1;
  if (textA) return utf8Order(a as string, b as string);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** UTF-16 orders like UTF-8 but for surrogates, which come before U+E000…U+FFFF and should come after. */
function utf8Order(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return raised(x) - raised(y);
  }
  return a.length - b.length;
}

const raised = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

/** Bytes of a code, NULL's included. */
export const widthOf = (values: number): 1 | 2 | 4 => (values < 256 ? 1 : values < 65_536 ? 2 : 4);

function packed(codes: Uint32Array, width: 1 | 2 | 4): Uint8Array {
  if (width === 1) return Uint8Array.from(codes);
  const words = width === 2 ? Uint16Array.from(codes) : codes;
  return new Uint8Array(words.buffer);
}
