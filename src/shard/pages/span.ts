import type { Cell } from "./cell.ts";
import { damaged } from "./damage.ts";
import type { BtreePage } from "./page.ts";

/** A page, and which rowids it may hold: above one number, up to another. */
export interface Span {
  readonly page: number;
  readonly above: number | bigint;
  readonly upTo: number | bigint;
}

export const whole = (page: number): Span => ({
  page,
  above: Number.NEGATIVE_INFINITY,
  upTo: Number.POSITIVE_INFINITY,
});

/** The first cell whose rowid is at least `rowid`; the number of cells when there is none. */
export function lowerBound(cells: readonly Cell[], rowid: number): number {
  let [from, to] = [0, cells.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((cells[middle] as Cell).rowid < rowid) from = middle + 1;
    else to = middle;
  }
  return from;
}

export function childAt({ cells, right }: BtreePage, { above, upTo }: Span, at: number): Span {
  const cell = cells[at];
  return { page: cell?.child ?? right, above: cells[at - 1]?.rowid ?? above, upTo: cell?.rowid ?? upTo };
}

export const childrenOf = (page: BtreePage, span: Span): readonly Span[] =>
  Array.from({ length: page.cells.length + 1 }, (_, at) => childAt(page, span, at));

/** Only an empty table's root has no rows; page 1 has less room, so as a root it may have a single child. */
export function checkOrder({ number, leaf, cells }: BtreePage, root: number): void {
  if (cells.length === 0 && (number !== root || (!leaf && number !== 1))) throw damaged(`page ${number} has no rows`);
  for (let at = 1; at < cells.length; at++) {
    if ((cells[at - 1] as Cell).rowid < (cells[at] as Cell).rowid) continue;
    throw damaged(`the rows of page ${number} are out of order`);
  }
}

/** A pointer to the wrong page of the right kind would otherwise hide rows. */
export function checkSpan({ number, cells }: BtreePage, { above, upTo }: Span): void {
  const [first, last] = [cells[0], cells.at(-1)];
  if (first === undefined || last === undefined) return;
  if (first.rowid <= above || last.rowid > upTo) throw damaged(`page ${number} has rows that belong elsewhere`);
}
