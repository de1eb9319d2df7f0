import type { Upsert } from "../ingest/index.ts";
import { bm25Part, type TextClause, type TextScoring } from "../shard/index.ts";
import type { Analyzer } from "../text/index.ts";

/** The terms of a document that is in no shard yet. */
export interface TailText {
  readonly terms: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

/** Analyses each document of the tail once. */
export class TailTexts {
  readonly #known = new WeakMap<Upsert, TailText>();

  of(document: Upsert, analyzer: Analyzer): TailText {
    const known = this.#known.get(document);
    if (known !== undefined) return known;
    const made = textOf(document.text, analyzer);
    this.#known.set(document, made);
    return made;
  }
}

export function textOf(text: string, analyzer: Analyzer): TailText {
  const terms = analyzer.terms(text);
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return { terms, counts };
}

/** BM25 of one document as TextScan would give it; undefined when it does not match. */
export function scoreText(text: TailText, names: readonly string[], scoring: TextScoring): number | undefined {
  const scores = scoring.clauses.map((clause) => clauseScore(clause, text, names, scoring));
  const refused = scoring.clauses.some(({ occur }, at) =>
    occur === "never" ? (scores[at] ?? 0) > 0 : occur === "must" && scores[at] === 0,
  );
  const sum = scoring.clauses.reduce(
    (total, { occur }, at) => (occur === "never" ? total : total + (scores[at] ?? 0)),
    0,
  );
  return refused || sum === 0 ? undefined : sum;
}

function clauseScore(
  { kind, terms }: TextClause,
  { terms: all, counts }: TailText,
  names: readonly string[],
  scoring: TextScoring,
): number {
  const part = bm25Part(scoring);
  const score = (weight: number, occurrences: number): number =>
    occurrences === 0 ? 0 : weight * part(occurrences, all.length);
  const idf = (term: number): number => scoring.idf[term] ?? 0;
  if (kind === "any" || terms.length === 1)
    return terms.reduce((sum, term) => sum + score(idf(term), counts.get(names[term] ?? "") ?? 0), 0);
  const phrase = terms.map((term) => names[term]);
  const occurrences = all.filter((_term, at) => phrase.every((term, by) => all[at + by] === term)).length;
  return score(
    terms.reduce((sum, term) => sum + idf(term), 0),
    occurrences,
  );
}
