import { Analyzer } from "../../text/index.ts";
import { DeadRows } from "../file/bitmap.ts";
import type { ShardFile } from "../file/reader.ts";
import { DeadTerms } from "../terms/dead-terms.ts";
import { TermList } from "../terms/term-list.ts";

/** What is known of a shard's dead rows, as plain data. */
export interface KnownDeaths {
  readonly rows: number;
  readonly bits: Uint8Array;
  /** Whether their terms are known. */
  readonly counted: boolean;
}

export const knownDeaths = ({ rows, bits, terms }: DeadRows): KnownDeaths => ({
  rows,
  bits,
  counted: terms !== undefined,
});

/**
 * What rows that die take from a file's statistics, as bytes of `DeadTerms`: those that `DeadRows.with` wants. Reads their
 * texts; of a stub, which has none, the lists of rows of all terms.
 */
export function termsOfDead(
  file: ShardFile,
  { rows, bits, counted }: KnownDeaths,
  dying: readonly number[],
  language: string,
): Uint8Array {
  const before = new DeadRows(rows, bits, 0);
  const after = before.with(dying);
  const counts = (row: number): boolean => after.isDead(row) && !(counted && before.isDead(row));
  if (file.isStub) return dying.length === 0 && counted ? DeadTerms.none().bytes : countedTerms(file, counts).bytes;
  const analyzer = Analyzer.of(language);
  const texts = function* (): Generator<string> {
    for (let row = 0; row < rows; row++) if (counts(row)) yield file.row(row).text;
  };
  return DeadTerms.ofTexts(texts(), (text) => analyzer.terms(text)).bytes;
}

/** The same of any rows, counted in the lists of rows of all terms. */
export function countedTerms(file: ShardFile, isWanted: (row: number) => boolean): DeadTerms {
  const lengths = file.lengths();
  let total = 0;
  for (let row = 0; row < lengths.length; row++) if (isWanted(row)) total += lengths[row] as number;
  const counts = new Map<string, number>();
  for (const { term, postings } of file.termLists()) {
    const count = TermList.decode(postings, lengths).rows.filter(isWanted).length;
    if (count > 0) counts.set(term, count);
  }
  return DeadTerms.of(total, counts);
}
