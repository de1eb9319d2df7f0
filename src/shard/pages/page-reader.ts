import type { TreeKind } from "./cell.ts";
import { damaged } from "./damage.ts";
import type { FileShape } from "./file-header.ts";
import { type BtreePage, parsePage } from "./page.ts";
import type { PageSource, Reading } from "./page-source.ts";

/** What must be known of a file to read its trees. */
export interface PagesShape {
  readonly source: Pick<PageSource, "pageBytes" | "pageCount">;
  /** Of `Schema`. */
  readonly usableBytes: number;
  /** B-tree pages that the caller has already: no request is spent for those. */
  readonly known?: (page: number) => Uint8Array | undefined;
  /** Is given every interior page that was read, for `known` to return later. */
  readonly keep?: (page: number, bytes: Uint8Array) => void;
}

/** The same with where a tree reads its pages. */
export interface PagesOf extends PagesShape {
  readonly source: PageSource;
}

/** Deeper than any tree that SQLite can build: a descent that gets there goes in circles. */
const maxDepth = 20;

export function checkDepth(depth: number): void {
  if (depth > maxDepth) throw damaged("a tree is too deep");
}

/** Asks for pages, each once a round, and trusts nothing that it is given. */
export class PageReader {
  readonly #pages: PagesShape;
  readonly shape: FileShape;

  constructor(pages: PagesShape) {
    const { pageBytes, pageCount } = pages.source;
    this.#pages = pages;
    this.shape = { pageBytes, pageCount, usableBytes: pages.usableBytes };
  }

  /** One round, or none when nothing is asked. Throws `data` for numbers that are not in the file. */
  *raw(numbers: Iterable<number>): Reading<ReadonlyMap<number, Uint8Array>> {
    const wanted = [...new Set(numbers)].sort((a, b) => a - b);
    for (const number of wanted) this.#checkNumber(number);
    const found = wanted.length === 0 ? [] : yield wanted;
    return new Map(wanted.map((number, at) => [number, this.#checked(number, found[at])]));
  }

  /** B-tree pages; at most one round, for those that are not known. Throws `data` when one is of another kind. */
  *btree(numbers: Iterable<number>, kind: TreeKind): Reading<ReadonlyMap<number, BtreePage>> {
    const wanted = [...new Set(numbers)];
    const known = new Map(wanted.map((number) => [number, this.#pages.known?.(number)]));
    const read = yield* this.raw(wanted.filter((number) => known.get(number) === undefined));
    return new Map(
      wanted.map((number) => {
        const page = parsePage(this.#checked(number, known.get(number) ?? read.get(number)), number, this.shape);
        if (page.kind !== kind) throw damaged(`page ${number} is of another kind of tree`);
        if (!page.leaf && read.has(number)) this.#pages.keep?.(number, page.bytes);
        return [number, page];
      }),
    );
  }

  #checkNumber(number: number): void {
    if (number >= 1 && number <= this.shape.pageCount) return;
    throw damaged(`page ${number} is not in the file`);
  }

  #checked(number: number, bytes: Uint8Array | undefined): Uint8Array {
    if (bytes?.length === this.shape.pageBytes) return bytes;
    throw damaged(`page ${number} was not read in full`);
  }
}
