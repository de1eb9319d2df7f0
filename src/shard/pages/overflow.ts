import type { Cell } from "./cell.ts";
import { damaged } from "./damage.ts";
import type { FileShape } from "./file-header.ts";
import type { BtreePage } from "./page.ts";
import type { PageReader } from "./page-reader.ts";
import type { Reading } from "./page-source.ts";
import { Cursor } from "./varint.ts";

/** The first `need` bytes of the record of a cell. */
export interface Want {
  readonly page: BtreePage;
  readonly cell: Cell;
  readonly need: number;
}

/** The part of a record that lies in its cell's own page; a view. */
export const localPart = ({ bytes }: BtreePage, { start, local }: Cell): Uint8Array =>
  bytes.subarray(start, start + local);

/**
 * The wanted bytes of each record. A VACUUMed file has the pages of a chain one after the other, so they are asked for
 * before their pointers are known: one round for all chains, and more only for those that turn out to jump. Where a
 * round costs nothing, `guess` says to ask for one page of a chain at a time.
 */
export function* readRecords(
  reader: PageReader,
  wants: readonly Want[],
  guess = Number.POSITIVE_INFINITY,
): Reading<readonly Uint8Array[]> {
  const chains = wants.map((want) => new Chain(want, reader.shape, guess));
  // No page belongs to two chains, or twice to one: so a chain that loops is found at once.
  const claimed = new Set<number>();
  for (let open = chains.filter((chain) => !chain.done); open.length > 0; open = open.filter((chain) => !chain.done)) {
    const pages = yield* reader.raw(open.flatMap((chain) => chain.asks()));
    for (const chain of open) chain.take(pages, claimed);
  }
  return chains.map((chain) => chain.bytes());
}

class Chain {
  readonly #parts: Uint8Array[];
  readonly #pageContent: number;
  readonly #pageCount: number;
  readonly #need: number;
  /** The page to take next, and how many to ask for beginning with it. */
  #next: number;
  #guess: number;
  readonly #jumps: boolean;
  /** Bytes that are still missing: of those wanted, and of the record. */
  #missing: number;
  #rest: number;

  constructor({ page, cell, need }: Want, { usableBytes, pageCount }: FileShape, guess: number) {
    this.#guess = guess;
    this.#jumps = guess === 1;
    this.#parts = [localPart(page, cell).subarray(0, need)];
    this.#pageContent = usableBytes - 4;
    this.#pageCount = pageCount;
    this.#need = need;
    this.#next = cell.overflow;
    this.#missing = Math.max(0, need - cell.local);
    this.#rest = cell.payload - cell.local;
  }

  get done(): boolean {
    return this.#missing === 0;
  }

  asks(): readonly number[] {
    if (this.#next === 0) throw damaged("a record's pages end too early");
    const count = Math.min(Math.ceil(this.#missing / this.#pageContent), this.#guess);
    // What is guessed may pass the end of the file; the page that a pointer names may not, and `raw` says so.
    const last = Math.max(this.#next, Math.min(this.#next + count - 1, this.#pageCount));
    return Array.from({ length: last - this.#next + 1 }, (_, at) => this.#next + at);
  }

  /** Follows the pointers as far as the pages reach: at least one page. */
  take(pages: ReadonlyMap<number, Uint8Array>, claimed: Set<number>): void {
    let taken = 0;
    for (; !this.done; taken++) {
      const page = pages.get(this.#next);
      // After a jump, the last run's length is the best guess for the next one; doubled, it reads little in vain.
      if (page === undefined) break;
      if (claimed.has(this.#next)) throw damaged("a page belongs to two records");
      claimed.add(this.#next);
      this.#append(page);
    }
    this.#guess = this.#jumps ? 1 : 2 * taken;
  }

  bytes(): Uint8Array {
    const [local] = this.#parts;
    return this.#parts.length === 1 && local !== undefined ? local : Buffer.concat(this.#parts, this.#need);
  }

  #append(page: Uint8Array): void {
    const part = page.subarray(4, 4 + Math.min(this.#missing, this.#pageContent));
    this.#parts.push(part);
    this.#missing -= part.length;
    this.#rest -= this.#pageContent;
    this.#next = new Cursor(page, 0, 4).u32();
    if (this.#rest <= 0 && this.#next !== 0) throw damaged("a record's pages go on after its end");
  }
}
