import { createRequire } from "node:module";
import { algorithmOf } from "./languages.ts";

interface Snowball {
  newStemmer(algorithm: string): { stem(word: string): string };
}

/** Words whose stems are remembered: natural texts repeat them. */
const remembered = 200_000;

/** The stem of a word in lower case without diacritics. */
export type Stem = (word: string) => string;

/**
 * The Snowball stemmer of a language (snowballstem.org). The library, 860 KB of JavaScript, is loaded when the first word
 * is stemmed: a process that only searches by meaning never loads it.
 */
export function stemmerOf(language: string): Stem {
  const algorithm = algorithmOf(language);
  if (algorithm === undefined) return (word) => word;
  const known = new Map<string, string>();
  let stemmer: ReturnType<Snowball["newStemmer"]> | undefined;
  return (word) => {
    const before = known.get(word);
    if (before !== undefined) return before;
    stemmer ??= (createRequire(import.meta.url)("snowball-stemmers") as Snowball).newStemmer(algorithm);
    const stem = stemmer.stem(word) || word;
    if (known.size >= remembered) known.clear();
    known.set(word, stem);
    return stem;
  };
}
