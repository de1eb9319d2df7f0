import { Analyzer } from "../../text/index.ts";
import { DeadRows } from "../file/bitmap.ts";
import type { ShardFile } from "../file/reader.ts";
import { DeadTerms } from "../terms/dead-terms.ts";

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

/** What rows that die take from a file's statistics, as bytes of `DeadTerms`: those that `DeadRows.with` wants. Reads their texts. */
export function termsOfDead(
  file: ShardFile,
  { rows, bits, counted }: KnownDeaths,
  dying: readonly number[],
  language: string,
): Uint8Array {
  const before = new DeadRows(rows, bits, 0);
  const after = before.with(dying);
  const analyzer = Analyzer.of(language);
  const texts = function* (): Generator<string> {
    for (let row = 0; row < rows; row++)
      if (after.isDead(row) && !(counted && before.isDead(row))) yield file.row(row).text;
  };
  return DeadTerms.ofTexts(texts(), (text) => analyzer.terms(text)).bytes;
}
