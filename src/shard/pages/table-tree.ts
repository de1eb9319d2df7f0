import type { Cell } from "./cell.ts";
import { damaged } from "./damage.ts";
import { localPart, readRecords, type Want } from "./overflow.ts";
import type { BtreePage } from "./page.ts";
import { checkDepth, PageReader, type PagesOf, type PagesShape } from "./page-reader.ts";
import { type PageSource, type Reading, readFrom } from "./page-source.ts";
import { type Layout, layoutOf, reachOf, type Value, valueAt } from "./record.ts";
import { checkOrder, checkSpan, childAt, childrenOf, lowerBound, type Span, whole } from "./span.ts";

interface Found {
  readonly page: BtreePage;
  readonly cell: Cell;
}

export interface TableRow {
  readonly rowid: number | bigint;
  readonly values: readonly Value[];
}

/**
 * The rows of one table, by range requests. Columns are numbered from 0 as CREATE TABLE lists them, without virtual
 * ones; a column that is the rowid (INTEGER PRIMARY KEY) reads null. Not for WITHOUT ROWID tables.
 * Every method throws `data` (shard_damaged) on damage, and passes on what the source throws.
 */
export class TableTree {
  readonly #source: PageSource;
  readonly #reading: TableReading;

  /** `root`: the table's root page, of `Schema`. */
  constructor(pages: PagesOf, root: number) {
    this.#source = pages.source;
    this.#reading = new TableReading(pages, root);
  }

  /**
   * The `columns` (all, unless said) of many rows, in the order asked; undefined for a rowid that isn't there. Costs a
   * round a level of the tree, and one more if a wanted column lies on overflow pages.
   */
  rows(rowids: readonly number[], columns?: readonly number[]): Promise<readonly (readonly Value[] | undefined)[]> {
    return readFrom(this.#source, this.#reading.rows(rowids, { columns }));
  }

  /** Every row, by rowid. For small tables: all of it is in memory at once. Costs as many rounds as `rows`. */
  all(columns?: readonly number[]): Promise<readonly TableRow[]> {
    return readFrom(this.#source, this.#reading.all(columns));
  }
}

export interface RowsWanted {
  /** All, unless said. */
  readonly columns?: readonly number[] | undefined;
  /** Where a row is looked for, instead of from the root down: for who knows its leaf. */
  readonly spanOf?: (rowid: number) => Span;
  /** See `readRecords`. */
  readonly guess?: number;
}

/** The same over pages from anywhere. */
export class TableReading {
  readonly #reader: PageReader;
  readonly #root: number;

  constructor(pages: PagesShape, root: number) {
    this.#reader = new PageReader(pages);
    this.#root = root;
  }

  *rows(
    rowids: readonly number[],
    { columns, spanOf = () => whole(this.#root), guess }: RowsWanted = {},
  ): Reading<readonly (readonly Value[] | undefined)[]> {
    const found = yield* this.#find(new Set(rowids), spanOf);
    const rows = yield* this.#decode([...found.values()], columns, guess);
    const byRowid = new Map([...found.keys()].map((rowid, at) => [rowid, rows[at]]));
    return rowids.map((rowid) => byRowid.get(rowid));
  }

  *all(columns?: readonly number[]): Reading<readonly TableRow[]> {
    const found: Found[] = [];
    const seen = new Set<number>();
    let level: readonly Span[] = [whole(this.#root)];
    for (let depth = 1; level.length > 0; depth++) {
      checkDepth(depth);
      for (const { page } of level) claim(page, seen);
      const pages = yield* this.#level(level);
      level = level.flatMap((span) => {
        const page = pages.get(span.page) as BtreePage;
        if (page.leaf) for (const cell of page.cells) found.push({ page, cell });
        return page.leaf ? [] : childrenOf(page, span);
      });
    }
    const rows = yield* this.#decode(found, columns);
    return found.map(({ cell }, at) => ({ rowid: cell.rowid, values: rows[at] as readonly Value[] }));
  }

  /** All lookups go down together, a round a level. */
  *#find(rowids: Iterable<number>, spanOf: (rowid: number) => Span): Reading<ReadonlyMap<number, Found>> {
    const found = new Map<number, Found>();
    let pending = Array.from(rowids, (rowid) => ({ rowid, span: spanOf(rowid) }));
    for (let depth = 1; pending.length > 0; depth++) {
      checkDepth(depth);
      const pages = yield* this.#level(pending.map(({ span }) => span));
      pending = pending.flatMap(({ rowid, span }) => {
        const page = pages.get(span.page) as BtreePage;
        const at = lowerBound(page.cells, rowid);
        if (!page.leaf) return [{ rowid, span: childAt(page, span, at) }];
        const cell = page.cells[at];
        if (cell?.rowid === rowid) found.set(rowid, { page, cell });
        return [];
      });
    }
    return found;
  }

  *#level(spans: readonly Span[]): Reading<ReadonlyMap<number, BtreePage>> {
    const pages = yield* this.#reader.btree(
      spans.map(({ page }) => page),
      "table",
    );
    for (const page of pages.values()) checkOrder(page, this.#root);
    for (const span of spans) checkSpan(pages.get(span.page) as BtreePage, span);
    return pages;
  }

  *#decode(
    found: readonly Found[],
    columns: readonly number[] | undefined,
    guess?: number,
  ): Reading<readonly (readonly Value[])[]> {
    const wants = found.map((one) => wantOf(one, columns));
    const records = yield* readRecords(this.#reader, wants, guess);
    return records.map((bytes, at) => {
      const { layout, cell } = wants[at] as RowWant;
      // Only the header of a very wide row isn't all in its page.
      const known = layout ?? (layoutOf(bytes, cell.payload) as Layout);
      return (columns ?? known.types.map((_, column) => column)).map((column) => valueAt(bytes, known, column));
    });
  }
}

interface RowWant extends Want {
  readonly layout: Layout | undefined;
}

function wantOf({ page, cell }: Found, columns: readonly number[] | undefined): RowWant {
  const layout = layoutOf(localPart(page, cell), cell.payload);
  const need = layout === undefined || columns === undefined ? cell.payload : reachOf(layout, columns);
  return { page, cell, need, layout };
}

function claim(page: number, seen: Set<number>): void {
  if (seen.has(page)) throw damaged(`page ${page} has two parents`);
  seen.add(page);
}
