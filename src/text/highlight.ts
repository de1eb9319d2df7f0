import type { Analyzer, Token } from "./analyzer.ts";

export interface PassageOptions {
  /** About how long the passage may be, in UTF-16 units. */
  readonly maxChars: number;
  readonly before: string;
  readonly after: string;
  /** What the text between becomes: for HTML, where it must not be taken for tags. */
  readonly escaped?: (text: string) => string;
}

/** What a term weighs; 0: it is not looked for. */
export type TermWeight = (term: string) => number;

/**
 * The part of a text that shows most of the terms, weighted, with each of them marked; undefined when it has none. It
 * begins and ends between words, with … where text was left out.
 */
export function bestPassage(
  text: string,
  weightOf: TermWeight,
  analyzer: Analyzer,
  { maxChars, before, after, escaped = (plain) => plain }: PassageOptions,
): string | undefined {
  const found = analyzer.tokens(text).filter(({ term }) => weightOf(term) > 0);
  const window = bestWindow(found, weightOf, maxChars);
  if (window.length === 0) return undefined;
  const [start, end] = boundsOf(text, window, maxChars);
  let passage = start > 0 ? "…" : "";
  let at = start;
  for (const token of found) {
    if (token.start < at || token.end > end) continue;
    passage += `${escaped(text.slice(at, token.start))}${before}${escaped(text.slice(token.start, token.end))}${after}`;
    at = token.end;
  }
  return `${passage}${escaped(text.slice(at, end))}${end < text.length ? "…" : ""}`;
}

/** The tokens within `maxChars` whose different terms weigh most; the first of equals. */
function bestWindow(found: readonly Token[], weightOf: TermWeight, maxChars: number): readonly Token[] {
  const counts = new Map<string, number>();
  let [weight, best, bestWeight] = [0, [0, 0] as readonly [number, number], 0];
  let from = 0;
  found.forEach((token, to) => {
    const seen = counts.get(token.term) ?? 0;
    counts.set(token.term, seen + 1);
    if (seen === 0) weight += weightOf(token.term);
    for (; from < to && token.end - (found[from] as Token).start > maxChars; from++) {
      const { term } = found[from] as Token;
      const left = (counts.get(term) ?? 0) - 1;
      counts.set(term, left);
      if (left === 0) weight -= weightOf(term);
    }
    if (weight > bestWeight + 1e-12) [best, bestWeight] = [[from, to + 1], weight];
  });
  return found.slice(...best);
}

/** The window with as much text around it as there is room for, cut where words end. */
function boundsOf(text: string, window: readonly Token[], maxChars: number): readonly [number, number] {
  const first = window[0] as Token;
  const last = window.at(-1) as Token;
  const room = Math.max(0, maxChars - (last.end - first.start));
  const from = Math.max(0, first.start - Math.floor(room / 2));
  const to = Math.min(text.length, Math.max(last.end, from + maxChars));
  const start = from === 0 ? 0 : afterBlank(text, from, first.start);
  const end = to === text.length ? to : beforeBlank(text, to, last.end);
  return [start, end];
}

/** How far a blank is looked for: where words are written without, the cut is between two characters. In UTF-16 units. */
const longestWord = 40;

function afterBlank(text: string, from: number, upTo: number): number {
  for (let at = from; at < Math.min(upTo, from + longestWord); at++) if (/\s/.test(text.charAt(at))) return at + 1;
  return Math.min(upTo, betweenCharacters(text, from));
}

function beforeBlank(text: string, to: number, downTo: number): number {
  for (let at = to; at > Math.max(downTo, to - longestWord); at--) if (/\s/.test(text.charAt(at))) return at;
  return Math.max(downTo, betweenCharacters(text, to));
}

/** The place itself, or the next one when it is within a character of two units or before a mark that goes with the last. */
function betweenCharacters(text: string, at: number): number {
  const next = text.slice(at).search(/[^\p{M}\uDC00-\uDFFF]/u);
  return next < 0 ? text.length : at + next;
}
