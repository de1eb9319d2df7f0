import type { Cell } from "./cell.ts";
import { damaged } from "./damage.ts";
import { localPart } from "./overflow.ts";
import type { BtreePage } from "./page.ts";
import { type Layout, layoutOf, rankOf, valueAt } from "./record.ts";
import { compareTexts, type PartialText } from "./text-order.ts";

/** A page of an index on one column. Entries are decoded when they are looked at: a search sees few of them. */
export class IndexPage {
  readonly #page: BtreePage;
  readonly #entries: (Entry | undefined)[];

  constructor(page: BtreePage) {
    this.#page = page;
    this.#entries = page.cells.map(() => undefined);
  }

  get length(): number {
    return this.#entries.length;
  }

  get leaf(): boolean {
    return this.#page.leaf;
  }

  get right(): number {
    return this.#page.right;
  }

  /** Undefined when there is none. */
  entry(at: number): Entry | undefined {
    const cell = this.#page.cells[at];
    if (cell === undefined) return undefined;
    this.#entries[at] ??= new Entry(this.#page, cell);
    return this.#entries[at];
  }

  /** A pointer to the wrong page of the index would otherwise hide keys. */
  checkBetween(after: Entry | undefined, before: Entry | undefined): void {
    if (inOrder(after, this.entry(0)) && inOrder(this.entry(this.length - 1), before)) return;
    throw damaged(`page ${this.#page.number} has keys that belong elsewhere`);
  }
}

/** A cell of an index, with as much of its record as was read. */
export class Entry {
  readonly page: BtreePage;
  readonly cell: Cell;
  readonly #layout: Layout;
  #record: Uint8Array;

  constructor(page: BtreePage, cell: Cell) {
    this.page = page;
    this.cell = cell;
    this.#record = localPart(page, cell);
    const layout = layoutOf(this.#record, cell.payload);
    if (layout?.types.length !== 2) throw damaged(`page ${page.number} is not of an index on one column`);
    this.#layout = layout;
  }

  get whole(): boolean {
    return this.#record.length === this.cell.payload;
  }

  get text(): PartialText {
    const { types, starts } = this.#layout;
    const [start = 0, end = 0] = starts;
    return { rank: rankOf(types[0] ?? 0), bytes: this.#record.subarray(start, end), length: end - start };
  }

  /** Only of a whole entry. */
  rowid(): number {
    const rowid = valueAt(this.#record, this.#layout, 1);
    if (Number.isSafeInteger(rowid)) return rowid as number;
    throw damaged("an index has something that is no rowid");
  }

  complete(record: Uint8Array): void {
    this.#record = record;
  }
}

/** True, too, of keys that are alike as far as they were read. */
function inOrder(first: Entry | undefined, second: Entry | undefined): boolean {
  if (first === undefined || second === undefined) return true;
  return (compareTexts(first.text, second.text) ?? -1) < 0;
}
