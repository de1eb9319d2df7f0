import type { Cell } from "./cell.ts";
import { damaged } from "./damage.ts";
import { localPart, readRecords } from "./overflow.ts";
import type { BtreePage } from "./page.ts";
import { checkDepth, PageReader, type PagesOf } from "./page-reader.ts";
import { type Layout, layoutOf, rankOf, valueAt } from "./record.ts";
import { compareTexts, type PartialText } from "./text-order.ts";

/** A cell of the index with as much of its record as was read. */
interface Entry {
  readonly page: BtreePage;
  readonly cell: Cell;
  readonly layout: Layout;
  record: Uint8Array;
}

interface IndexPage {
  readonly page: BtreePage;
  readonly entries: readonly Entry[];
}

/** Where a key has got to, and the entries of the pages above that it lies between. */
interface Lookup {
  readonly key: string;
  readonly text: PartialText;
  readonly page: number;
  readonly depth: number;
  readonly after: Entry | undefined;
  readonly before: Entry | undefined;
}

/**
 * A unique index on one TEXT column, ascending, with BINARY collation: `sqlite_autoindex_documents_1`.
 * Throws `data` (shard_damaged) on damage, and passes on what the source throws.
 */
export class IndexTree {
  readonly #reader: PageReader;
  readonly #root: number;

  /** `root`: the index's root page, of `Schema`. */
  constructor(pages: PagesOf, root: number) {
    this.#reader = new PageReader(pages);
    this.#root = root;
  }

  /**
   * The rowid of each key, in the order asked; undefined for one that isn't there. Costs a round a level; keys that are
   * too long for a page (a quarter of it) may cost a few more. A rowid beyond 2^53 is taken for damage.
   */
  async rowids(keys: readonly string[]): Promise<readonly (number | undefined)[]> {
    const found = new Map<string, number>();
    const read = new Map<number, IndexPage>();
    let pending: readonly Lookup[] = Array.from(new Set(keys), (key) => startAt(this.#root, key));
    while (pending.length > 0) {
      await this.#read(pending, read);
      const unread = new Set<Entry>();
      pending = pending.flatMap((lookup) => this.#step(lookup, read.get(lookup.page) as IndexPage, unread, found));
      await this.#complete([...unread]);
    }
    return keys.map((key) => found.get(key));
  }

  /** What is left of the lookup after its page: nothing, its child, or itself when an entry must be read in full first. */
  #step(lookup: Lookup, { page, entries }: IndexPage, unread: Set<Entry>, found: Map<string, number>): Lookup[] {
    const { key, text, after, before } = lookup;
    let [from, to] = [0, entries.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const entry = entries[middle] as Entry;
      const order = compareTexts(text, textOf(entry));
      if (!isWhole(entry) && (order === undefined || order === 0)) {
        unread.add(entry);
        return [lookup];
      }
      if (order === undefined || order === 0) {
        found.set(key, rowidOf(entry));
        return [];
      }
      if (order < 0) to = middle;
      else from = middle + 1;
    }
    if (page.leaf) return [];
    const [last, next] = [entries[from - 1] ?? after, entries[from] ?? before];
    const child = entries[from]?.cell.child ?? page.right;
    return [{ ...lookup, page: child, depth: lookup.depth + 1, after: last, before: next }];
  }

  async #read(lookups: readonly Lookup[], read: Map<number, IndexPage>): Promise<void> {
    for (const { depth } of lookups) checkDepth(depth);
    const missing = lookups.map(({ page }) => page).filter((page) => !read.has(page));
    for (const [number, page] of await this.#reader.btree(missing, "index")) {
      if (page.cells.length === 0 && number !== this.#root) throw damaged(`page ${number} has no keys`);
      read.set(number, { page, entries: entriesOf(page) });
    }
    for (const lookup of lookups) checkBetween(read.get(lookup.page) as IndexPage, lookup);
  }

  async #complete(entries: readonly Entry[]): Promise<void> {
    const wants = entries.map(({ page, cell }) => ({ page, cell, need: cell.payload }));
    const records = await readRecords(this.#reader, wants);
    entries.forEach((entry, at) => {
      entry.record = records[at] as Uint8Array;
    });
  }
}

function startAt(page: number, key: string): Lookup {
  const bytes = Buffer.from(key, "utf8");
  return { key, text: { rank: 2, bytes, length: bytes.length }, page, depth: 1, after: undefined, before: undefined };
}

const isWhole = ({ record, cell }: Entry): boolean => record.length === cell.payload;

function entriesOf(page: BtreePage): readonly Entry[] {
  const entries = page.cells.map((cell) => {
    const record = localPart(page, cell);
    const layout = layoutOf(record, cell.payload);
    if (layout?.types.length !== 2) throw damaged(`page ${page.number} is not of an index on one column`);
    return { page, cell, layout, record };
  });
  for (let at = 1; at < entries.length; at++) checkOrder(entries[at - 1], entries[at], page.number);
  return entries;
}

/** A pointer to the wrong page of the index would otherwise hide keys. */
function checkBetween({ page, entries }: IndexPage, { after, before }: Lookup): void {
  checkOrder(after, entries[0], page.number);
  checkOrder(entries.at(-1), before, page.number);
}

/** Keys that are alike as far as they were read pass. */
function checkOrder(first: Entry | undefined, second: Entry | undefined, page: number): void {
  if (first === undefined || second === undefined) return;
  if ((compareTexts(textOf(first), textOf(second)) ?? 0) > 0)
    throw damaged(`the keys of page ${page} are out of order`);
}

function textOf({ record, layout }: Entry): PartialText {
  const [start = 0, end = 0] = layout.starts;
  return { rank: rankOf(layout.types[0] ?? 0), bytes: record.subarray(start, end), length: end - start };
}

function rowidOf({ record, layout }: Entry): number {
  const rowid = valueAt(record, layout, 1);
  if (Number.isSafeInteger(rowid)) return rowid as number;
  throw damaged("an index has something that is no rowid");
}
