import type { Analyse } from "./inverted-index.ts";
import { TermTable } from "./term-table.ts";

/**
 * What some rows of a shard that do not count any more take from its statistics: their terms, with repetitions, and in how many of
 * them each term is. Stored as u64 terms · a table of terms as `TermTable` has it.
 */
export class DeadTerms {
  /** Of all the rows' texts, with repetitions. */
  readonly total: number;
  readonly bytes: Uint8Array;
  readonly #table: TermTable;

  private constructor(total: number, bytes: Uint8Array, table: TermTable) {
    this.total = total;
    this.bytes = bytes;
    this.#table = table;
  }

  static none(): DeadTerms {
    return DeadTerms.of(0, new Map());
  }

  static ofTexts(texts: Iterable<string>, analyse: Analyse): DeadTerms {
    const documents = new Map<string, number>();
    let total = 0;
    for (const text of texts) {
      const terms = analyse(text);
      total += terms.length;
      for (const term of new Set(terms)) documents.set(term, (documents.get(term) ?? 0) + 1);
    }
    return DeadTerms.of(total, documents);
  }

  static decode(bytes: Uint8Array, key: string): DeadTerms {
    const total = Number(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readBigUInt64LE());
    return new DeadTerms(total, bytes, TermTable.decode(bytes.subarray(8), key));
  }

  /** `documents`: rows that hold each term. */
  static of(total: number, documents: ReadonlyMap<string, number>): DeadTerms {
    const sorted = [...documents].map(([term, count]) => ({ term, documents: count, order: Buffer.from(term) }));
    sorted.sort((a, b) => Buffer.compare(a.order, b.order));
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(total));
    return DeadTerms.decode(Buffer.concat([head, TermTable.encode("", sorted)]), "");
  }

  /** Rows among them that hold a term. */
  documentsWith(term: string): number {
    return this.#table.find(term)?.documents ?? 0;
  }

  *entries(): Generator<readonly [string, number]> {
    for (const { term, documents } of this.#table.entries()) yield [term, documents];
  }

  /** Of these rows and others. */
  plus(others: DeadTerms): DeadTerms {
    const documents = new Map(this.entries());
    for (const [term, count] of others.entries()) documents.set(term, (documents.get(term) ?? 0) + count);
    return DeadTerms.of(this.total + others.total, documents);
  }
}
