import { constants } from "node:buffer";
import { damaged } from "./damage.ts";
import { Cursor, narrowed } from "./varint.ts";

/** A bigint only for integers that a number can't hold; text as UTF-8 says, with U+FFFD for what it doesn't. */
export type Value = null | number | bigint | string | Uint8Array;

/** Where the columns of a record lie in it. */
export interface Layout {
  readonly types: readonly number[];
  readonly starts: readonly number[];
}

const integerBytes = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function bytesOf(type: number): number {
  if (type >= 12) return Math.floor(type / 2) - 6;
  const bytes = integerBytes[type];
  if (bytes === undefined) throw damaged("a column of an unknown type");
  return bytes;
}

/**
 * Reads the header of a record of `payload` bytes; `bytes` is its beginning, and undefined is the answer when the header
 * goes on after it. Throws `data` unless the columns are exactly as long as the record.
 */
export function layoutOf(bytes: Uint8Array, payload: number): Layout | undefined {
  const header = new Cursor(bytes, 0, bytes.length);
  const headerBytes = header.size();
  if (headerBytes > payload || headerBytes < header.at) throw damaged("a record's header passes the record");
  if (headerBytes > bytes.length) return undefined;
  const types: number[] = [];
  const starts: number[] = [];
  let end = headerBytes;
  while (header.at < headerBytes) {
    const type = header.size();
    types.push(type);
    starts.push(end);
    end += bytesOf(type);
  }
  if (header.at !== headerBytes || end !== payload) throw damaged("a record's columns don't fill it");
  return { types, starts };
}

/** How many bytes from the beginning of the record hold all of `columns`. */
export function reachOf(layout: Layout, columns: readonly number[]): number {
  let reach = 0;
  for (const column of columns)
    reach = Math.max(reach, (layout.starts[column] ?? 0) + bytesOf(layout.types[column] ?? 0));
  return reach;
}

/** Whether a column is null, a number, text or a blob: in the order in which SQLite sorts them. */
export function rankOf(type: number): 0 | 1 | 2 | 3 {
  if (type >= 12) return type % 2 === 1 ? 2 : 3;
  return type === 0 ? 0 : 1;
}

/** One column, decoded; null when the record has fewer. A blob is a copy of its own, at offset 0 of its buffer. */
export function valueAt(bytes: Uint8Array, { types, starts }: Layout, column: number): Value {
  const [type, start] = [types[column] ?? 0, starts[column] ?? 0];
  const length = bytesOf(type);
  if (start + length > bytes.length) throw damaged("a column passes its record");
  const part = Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
  if (type < 12) return numberOf(type, part);
  if (rankOf(type) === 3) return new Uint8Array(part);
  if (length > constants.MAX_STRING_LENGTH) throw damaged("a text is longer than a string can be");
  return part.toString("utf8");
}

function numberOf(type: number, part: Buffer): null | number | bigint {
  if (type === 0) return null;
  if (type >= 8) return type - 8;
  if (type === 7) return realOf(part);
  return type === 6 ? narrowed(part.readBigInt64BE()) : part.readIntBE(0, part.length);
}

/** SQLite has no NaN: where one is stored, it reads null. */
function realOf(part: Buffer): number | null {
  const real = part.readDoubleBE();
  return Number.isNaN(real) ? null : real;
}
