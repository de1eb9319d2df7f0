import type { TermList } from "./term-list.ts";

/** Bit r: row r is in the set. */
export type RowSet = Uint8Array;

export const hasRow = (set: RowSet, row: number): boolean => (((set[row >>> 3] as number) >>> (row & 7)) & 1) === 1;

export const allRows = (rows: number): RowSet => new Uint8Array((rows + 7) >>> 3).fill(255);

/** The rows that are in one of the lists. */
export function rowsOfLists(lists: readonly TermList[], rows: number): RowSet {
  const set = new Uint8Array((rows + 7) >>> 3);
  for (const list of lists) for (const row of list.rows) set[row >>> 3] = (set[row >>> 3] as number) | (1 << (row & 7));
  return set;
}

/** Leaves in `set` what is in `other` as well. */
export function intersect(set: RowSet, other: RowSet): void {
  for (let at = 0; at < set.length; at++) set[at] = (set[at] as number) & (other[at] ?? 0);
}

/** Takes out of `set` what is in `other`. */
export function subtract(set: RowSet, other: RowSet): void {
  for (let at = 0; at < set.length; at++) set[at] = (set[at] as number) & ~(other[at] ?? 0);
}

/** Ascending. */
export function membersOf(set: RowSet, rows: number): Uint32Array {
  const found = new Uint32Array(countOf(set, rows));
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if ((row & 7) === 0 && set[row >>> 3] === 0) row += 7;
    else if (hasRow(set, row)) found[count++] = row;
  }
  return found;
}

export function countOf(set: RowSet, rows: number): number {
  let count = 0;
  for (let at = 0; at < set.length; at++) {
    const beyond = 8 * (at + 1) - rows;
    count += bitsOf[(set[at] as number) & (beyond > 0 ? 255 >>> beyond : 255)] as number;
  }
  return count;
}

const bitsOf = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);
