import type { Analyzer } from "./analyzer.ts";

/** One thing that a query looks for. */
export interface Clause {
  /** `term`: one term. `phrase`: terms one after the other. `prefix`: terms that begin as the first of `terms`, or are the second, its stem. */
  readonly kind: "term" | "phrase" | "prefix";
  readonly terms: readonly string[];
  /** `should`: better with it. `must`: not without it. `never`: not with it. */
  readonly occur: "should" | "must" | "never";
}

/** What a typed query asks for. */
export interface TextQuery {
  readonly clauses: readonly Clause[];
  /** The text without its signs and without what it excludes: for a search by meaning. */
  readonly plain: string;
}

export const textQueryLimits = { maxClauses: 256 };

/** An optional sign, then a phrase in quotes or a word with an optional star. */
const part = /([+-]?)"([^"]*)"?|([+-]?)([^\s"]+)/gu;
const startsWord = /^[\p{L}\p{N}\p{M}]/u;

/**
 * Reads `words "a phrase" +required -excluded begin*`. A sign counts only in front of a word or quote, so `e-mail`, `C++` and
 * ` - ` are texts. Nothing is wrong as a query: what has no terms is left out. More than `maxClauses` are cut off.
 */
export function parseTextQuery(text: string, analyzer: Analyzer): TextQuery {
  const clauses: Clause[] = [];
  const plain: string[] = [];
  for (const match of text.matchAll(part)) {
    const [, phraseSign, phrase, wordSign, word] = match;
    const body = phrase ?? word ?? "";
    const sign = phraseSign || wordSign || "";
    const signed = sign !== "" && (phrase !== undefined || startsWord.test(body));
    const occur = !signed ? "should" : sign === "+" ? "must" : "never";
    if (occur !== "never") plain.push(signed ? body : `${phrase === undefined ? sign : ""}${body}`);
    clauses.push(...clausesOf(body, phrase !== undefined, occur, analyzer));
  }
  return { clauses: distinct(clauses).slice(0, textQueryLimits.maxClauses), plain: plain.join(" ").trim() };
}

function clausesOf(body: string, quoted: boolean, occur: Clause["occur"], analyzer: Analyzer): readonly Clause[] {
  const terms = analyzer.terms(body);
  if (terms.length === 0) return [];
  if (quoted) return [{ kind: terms.length === 1 ? "term" : "phrase", terms, occur }];
  if (!/[\p{L}\p{N}\p{M}]\*$/u.test(body)) {
    // A word that is several terms (e-mail, 東京都) stands for each of them; excluded, for them in this order.
    if (occur === "never" && terms.length > 1) return [{ kind: "phrase", terms, occur }];
    return terms.map((term) => ({ kind: "term", terms: [term], occur }));
  }
  const tokens = analyzer.tokens(body);
  const last = tokens.at(-1);
  const before = tokens.slice(0, -1).map(({ term }) => ({ kind: "term", terms: [term], occur }) as const);
  if (last === undefined) return before;
  return [...before, { kind: "prefix", terms: [analyzer.prefix(body.slice(last.start, last.end)), last.term], occur }];
}

function distinct(clauses: readonly Clause[]): readonly Clause[] {
  const seen = new Map(clauses.map((clause) => [JSON.stringify(clause), clause]));
  return [...seen.values()];
}
