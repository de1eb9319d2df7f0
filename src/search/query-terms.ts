import type { TermTable, TextClause } from "../shard/index.ts";
import type { Clause } from "../text/index.ts";

type Counted = { readonly counts: ReadonlyMap<string, number> };

/** Terms that a beginning (`net*`) may stand for: those in most documents. */
const mostOfPrefix = 64;

/** A query's clauses with their terms by number, beginnings replaced by the terms that they stand for; and the terms' names. */
export function numberedTerms(
  clauses: readonly Clause[],
  tables: readonly TermTable[],
  tail: readonly Counted[],
): { readonly clauses: readonly TextClause[]; readonly names: readonly string[] } {
  const numbers = new Map<string, number>();
  const numberOf = (term: string): number => {
    const known = numbers.get(term) ?? numbers.size;
    numbers.set(term, known);
    return known;
  };
  const numbered = clauses.map(({ kind, terms, occur }): TextClause => {
    const meant = kind === "prefix" ? beginning(terms, tables, tail) : terms;
    return { kind: kind === "prefix" ? "any" : "all", terms: meant.map(numberOf), occur };
  });
  return { clauses: numbered, names: [...numbers.keys()] };
}

/** `terms`: a beginning, then terms that count as begun by it. */
function beginning(
  [prefix = "", ...more]: readonly string[],
  tables: readonly TermTable[],
  tail: readonly Counted[],
): readonly string[] {
  const documents = new Map<string, number>(more.map((term) => [term, 0]));
  for (const table of tables)
    for (const { term, documents: own } of table.beginning(prefix, 16 * mostOfPrefix))
      documents.set(term, (documents.get(term) ?? 0) + own);
  for (const { counts } of tail)
    for (const term of counts.keys()) if (term.startsWith(prefix)) documents.set(term, (documents.get(term) ?? 0) + 1);
  return [...documents]
    .sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1))
    .slice(0, mostOfPrefix)
    .map(([term]) => term);
}
