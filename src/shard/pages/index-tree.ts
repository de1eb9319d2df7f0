import { damaged } from "./damage.ts";
import { type Entry, IndexPage } from "./index-page.ts";
import { readRecords } from "./overflow.ts";
import { checkDepth, PageReader, type PagesOf, type PagesShape } from "./page-reader.ts";
import { type PageSource, type Reading, readFrom } from "./page-source.ts";
import { compareTexts, type PartialText } from "./text-order.ts";

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
  readonly #source: PageSource;
  readonly #reading: IndexReading;

  /** `root`: the index's root page, of `Schema`. */
  constructor(pages: PagesOf, root: number) {
    this.#source = pages.source;
    this.#reading = new IndexReading(pages, root);
  }

  /**
   * The rowid of each key, in the order asked; undefined for one that isn't there. Costs a round a level; keys that are
   * too long for a page (a quarter of it) may cost a few more. A rowid beyond 2^53 is taken for damage.
   */
  rowids(keys: readonly string[]): Promise<readonly (number | undefined)[]> {
    return readFrom(this.#source, this.#reading.rowids(keys));
  }
}

/** The same over pages from anywhere. */
export class IndexReading {
  readonly #reader: PageReader;
  readonly #root: number;

  constructor(pages: PagesShape, root: number) {
    this.#reader = new PageReader(pages);
    this.#root = root;
  }

  *rowids(keys: readonly string[]): Reading<readonly (number | undefined)[]> {
    const found = new Map<string, number>();
    const read = new Map<number, IndexPage>();
    let pending: readonly Lookup[] = Array.from(new Set(keys), (key) => startAt(this.#root, key));
    while (pending.length > 0) {
      yield* this.#read(pending, read);
      const unread = new Set<Entry>();
      pending = pending.flatMap((lookup) => this.#step(lookup, read.get(lookup.page) as IndexPage, unread, found));
      yield* this.#complete([...unread]);
    }
    return keys.map((key) => found.get(key));
  }

  /** What is left of the lookup after its page: nothing, its child, or itself when an entry must be read in full first. */
  #step(lookup: Lookup, page: IndexPage, unread: Set<Entry>, found: Map<string, number>): Lookup[] {
    const { key, text, after, before } = lookup;
    let [from, to] = [0, page.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const entry = page.entry(middle) as Entry;
      const order = compareTexts(text, entry.text);
      if (!entry.whole && (order === undefined || order === 0)) {
        unread.add(entry);
        return [lookup];
      }
      if (order === undefined || order === 0) {
        found.set(key, entry.rowid());
        return [];
      }
      if (order < 0) to = middle;
      else from = middle + 1;
    }
    if (page.leaf) return [];
    const [last, next] = [page.entry(from - 1), page.entry(from)];
    const child = next?.cell.child ?? page.right;
    return [{ ...lookup, page: child, depth: lookup.depth + 1, after: last ?? after, before: next ?? before }];
  }

  *#read(lookups: readonly Lookup[], read: Map<number, IndexPage>): Reading<void> {
    for (const { depth } of lookups) checkDepth(depth);
    const missing = lookups.map(({ page }) => page).filter((page) => !read.has(page));
    for (const [number, page] of yield* this.#reader.btree(missing, "index")) {
      if (page.cells.length === 0 && number !== this.#root) throw damaged(`page ${number} has no keys`);
      read.set(number, new IndexPage(page));
    }
    for (const { page, after, before } of lookups) (read.get(page) as IndexPage).checkBetween(after, before);
  }

  *#complete(entries: readonly Entry[]): Reading<void> {
    const wants = entries.map(({ page, cell }) => ({ page, cell, need: cell.payload }));
    const records = yield* readRecords(this.#reader, wants);
    entries.forEach((entry, at) => entry.complete(records[at] as Uint8Array));
  }
}

function startAt(page: number, key: string): Lookup {
  const bytes = Buffer.from(key, "utf8");
  return { key, text: { rank: 2, bytes, length: bytes.length }, page, depth: 1, after: undefined, before: undefined };
}
