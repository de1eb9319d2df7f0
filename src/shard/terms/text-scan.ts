import { PositionsReader, PostingsCursor } from "./postings.ts";

/** What a text query looks for, with the weights of its terms; plain data. Terms are named by their place in `idf`. */
export interface TextScoring {
  readonly k1: number;
  readonly b: number;
  /** Terms of a document on average, over the whole collection. */
  readonly averageTerms: number;
  /** Inverse document frequency of each term, over the whole collection. */
  readonly idf: readonly number[];
  readonly clauses: readonly TextClause[];
}

export interface TextClause {
  /** `all`: a phrase, when there is more than one term. `any`: one of them suffices. */
  readonly kind: "all" | "any";
  readonly terms: readonly number[];
  readonly occur: "should" | "must" | "never";
}

/** What one shard has of the query's terms: undefined for those that it doesn't hold. */
export interface TextLists {
  readonly postings: readonly (Uint8Array | undefined)[];
  /** Only of the terms of phrases. */
  readonly positions: readonly (Uint8Array | undefined)[];
  /** Terms of each row. */
  readonly lengths: Uint32Array;
}

/** BM25's share of one term in a document's score, before its weight: grows with `occurrences`, falls with `terms`. */
export function bm25Part({ k1, b, averageTerms }: Pick<TextScoring, "k1" | "b" | "averageTerms">) {
  const fixed = k1 * (1 - b);
  const perTerm = averageTerms > 0 ? (k1 * b) / averageTerms : 0;
  return (occurrences: number, terms: number): number =>
    (occurrences * (k1 + 1)) / (occurrences + fixed + perTerm * terms);
}

type Part = ReturnType<typeof bm25Part>;

/** Goes through the rows that match a clause. */
interface Matcher {
  readonly row: number;
  /** Nothing that it matches scores more. */
  readonly bound: number;
  advance(target: number): number;
  next(): number;
  /** Of the row where it stands. */
  score(): number;
}

const end = PostingsCursor.end;

class TermMatcher implements Matcher {
  readonly cursor: PostingsCursor;
  readonly bound: number;
  readonly #idf: number;
  readonly #part: Part;
  readonly #lengths: Uint32Array;

  constructor(postings: Uint8Array, idf: number, part: Part, lengths: Uint32Array) {
    this.cursor = new PostingsCursor(postings);
    this.#idf = idf;
    this.#part = part;
    this.#lengths = lengths;
    this.bound = idf * this.cursor.bound(part);
  }

  get row(): number {
    return this.cursor.row;
  }
  advance(target: number): number {
    return this.cursor.advance(target);
  }
  next(): number {
    return this.cursor.next();
  }
  score(): number {
    return this.#idf * this.#part(this.cursor.occurrences, this.#lengths[this.cursor.row] as number);
  }
}

/** Terms one after the other. It scores as one term would that occurs as often, with the weights of all of them. */
class PhraseMatcher implements Matcher {
  readonly bound: number;
  row = 0;
  readonly #cursors: readonly PostingsCursor[];
  readonly #positions: readonly PositionsReader[];
  readonly #weight: number;
  readonly #part: Part;
  readonly #lengths: Uint32Array;
  #occurrences = 0;

  constructor(
    terms: readonly { postings: Uint8Array; positions: Uint8Array; idf: number }[],
    part: Part,
    lengths: Uint32Array,
  ) {
    this.#cursors = terms.map(({ postings }) => new PostingsCursor(postings));
    this.#positions = terms.map(({ positions }, at) => new PositionsReader(positions, this.#cursors[at]?.blocks ?? 1));
    this.#weight = terms.reduce((sum, { idf }) => sum + idf, 0);
    this.#part = part;
    this.#lengths = lengths;
    this.bound = this.#weight * Math.min(...this.#cursors.map((cursor) => cursor.bound(part)));
    this.#find(0);
  }

  advance(target: number): number {
    return this.row >= target ? this.row : this.#find(target);
  }
  next(): number {
    return this.#find(this.row + 1);
  }
  score(): number {
    return this.#weight * this.#part(this.#occurrences, this.#lengths[this.row] as number);
  }

  #find(from: number): number {
    const [lead, ...others] = this.#cursors as [PostingsCursor, ...PostingsCursor[]];
    for (let row = lead.advance(from); row !== end; ) {
      const ahead = others.find((cursor) => cursor.advance(row) !== row);
      if (ahead !== undefined) {
        row = ahead.row === end ? end : lead.advance(ahead.row);
        continue;
      }
      this.#occurrences = this.#count();
      if (this.#occurrences > 0) {
        this.row = row;
        return row;
      }
      row = lead.next();
    }
    this.row = end;
    return end;
  }

  /** How often the terms follow each other in the row where all cursors stand. */
  #count(): number {
    const [first, ...others] = this.#positions.map((reader, at) => reader.of(this.#cursors[at] as PostingsCursor));
    const sets = others.map((places) => new Set(places));
    return (first ?? []).filter((place) => sets.every((places, at) => places.has(place + at + 1))).length;
  }
}

/** Any of some terms: the sum of those that are there. */
class AnyMatcher implements Matcher {
  readonly bound: number;
  row = 0;
  readonly #children: readonly Matcher[];

  constructor(children: readonly Matcher[]) {
    this.#children = children;
    this.bound = children.reduce((sum, child) => sum + child.bound, 0);
    this.#stand();
  }

  advance(target: number): number {
    if (this.row >= target) return this.row;
    for (const child of this.#children) child.advance(target);
    return this.#stand();
  }
  next(): number {
    return this.advance(this.row + 1);
  }
  score(): number {
    return this.#children.reduce((sum, child) => (child.row === this.row ? sum + child.score() : sum), 0);
  }

  #stand(): number {
    this.row = this.#children.reduce((least, child) => Math.min(least, child.row), end);
    return this.row;
  }
}

/** The best rows so far, those that tie with the last of them included: who is first among them is decided by id. */
export class TopRows {
  readonly limit: number;
  /** A row must score at least this to be among the best. */
  threshold: number;
  readonly #rows: { readonly score: number; readonly row: number; readonly shard: number }[] = [];

  constructor(limit: number) {
    this.limit = limit;
    this.threshold = limit === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  offer(score: number, shard: number, row: number): void {
    if (score < this.threshold) return;
    this.#rows.push({ score, shard, row });
    if (this.#rows.length >= 2 * this.limit + 256) this.#prune();
    else if (this.#rows.length === this.limit)
      this.threshold = this.#rows.reduce((least, one) => Math.min(least, one.score), score);
  }

  /** Best first; rows that tie with the last one come too. */
  take(): readonly { readonly score: number; readonly row: number; readonly shard: number }[] {
    this.#prune();
    return this.#rows;
  }

  #prune(): void {
    this.#rows.sort((a, b) => b.score - a.score || a.shard - b.shard || a.row - b.row);
    const last = this.#rows[this.limit - 1];
    if (last === undefined) return;
    this.threshold = Math.max(this.threshold, last.score);
    let keep = this.limit;
    while (keep < this.#rows.length && (this.#rows[keep] as { score: number }).score === last.score) keep++;
    this.#rows.length = keep;
  }
}

/** Scores the rows of one shard by BM25. */
export class TextScan {
  readonly #should: readonly Matcher[];
  readonly #must: readonly Matcher[];
  readonly #never: readonly Matcher[];
  /** A clause that must match has nothing here. */
  readonly #impossible: boolean;

  constructor(lists: TextLists, scoring: TextScoring) {
    const part = bm25Part(scoring);
    const matchers = scoring.clauses.map((clause) => ({ clause, matcher: matcherOf(clause, lists, scoring, part) }));
    const those = (occur: TextClause["occur"]): readonly Matcher[] =>
      matchers.flatMap(({ clause, matcher }) => (clause.occur === occur && matcher !== undefined ? [matcher] : []));
    this.#should = those("should");
    this.#must = those("must");
    this.#never = those("never");
    this.#impossible = matchers.some(({ clause, matcher }) => clause.occur === "must" && matcher === undefined);
  }

  /** Offers every row that may be among the best: those that `isLive` says yes to. Returns how many were scored. */
  best(top: TopRows, shard: number, isLive: (row: number) => boolean): number {
    if (this.#impossible) return 0;
    return this.#must.length > 0 ? this.#conjunction(top, shard, isLive) : this.#disjunction(top, shard, isLive);
  }

  /** The score of each of some rows, ascending; 0 for one that does not match. */
  scores(rows: readonly number[]): Float64Array {
    const matchers = [...this.#must, ...this.#should];
    return Float64Array.from(rows, (row) => {
      if (this.#impossible || this.#excluded(row)) return 0;
      if (this.#must.some((matcher) => matcher.advance(row) !== row)) return 0;
      return matchers.reduce((sum, matcher) => (matcher.advance(row) === row ? sum + matcher.score() : sum), 0);
    });
  }

  #conjunction(top: TopRows, shard: number, isLive: (row: number) => boolean): number {
    let scored = 0;
    const [lead, ...others] = this.#must as [Matcher, ...Matcher[]];
    for (let row = lead.row; row !== end; ) {
      const ahead = others.find((matcher) => matcher.advance(row) !== row);
      if (ahead !== undefined) {
        row = ahead.row === end ? end : lead.advance(ahead.row);
        continue;
      }
      if (isLive(row) && !this.#excluded(row)) {
        scored++;
        let score = this.#must.reduce((sum, matcher) => sum + matcher.score(), 0);
        for (const matcher of this.#should) if (matcher.advance(row) === row) score += matcher.score();
        top.offer(score, shard, row);
      }
      row = lead.next();
    }
    return scored;
  }

  /**
   * MaxScore (Turtle and Flood 1995): once the clauses of least bound together can't lift a row among the best, their lists
   * are only looked into for rows that the others have.
   */
  #disjunction(top: TopRows, shard: number, isLive: (row: number) => boolean): number {
    const matchers = this.#should;
    const order = matchers.map((_matcher, at) => at).sort((a, b) => boundOf(matchers, a) - boundOf(matchers, b));
    const sorted = order.map((at) => matchers[at] as Matcher);
    const boundUpTo = new Float64Array(sorted.length + 1);
    // A little more than the sum, because sums in another order differ in their last bits.
    sorted.forEach((matcher, at) => {
      boundUpTo[at + 1] = ((boundUpTo[at] as number) + matcher.bound) * (1 + 1e-12);
    });
    const parts = new Float64Array(sorted.length);
    let [essential, scored] = [0, 0];
    for (;;) {
      while (essential < sorted.length && (boundUpTo[essential + 1] as number) < top.threshold) essential++;
      if (essential === sorted.length) return scored;
      let row = end;
      for (let at = essential; at < sorted.length; at++) row = Math.min(row, (sorted[at] as Matcher).row);
      if (row === end) return scored;
      const live = isLive(row) && !this.#excluded(row);
      parts.fill(0);
      let score = 0;
      for (let at = sorted.length - 1; at >= essential; at--) {
        const matcher = sorted[at] as Matcher;
        if (matcher.row !== row) continue;
        if (live) score += parts[order[at] as number] = matcher.score();
        matcher.next();
      }
      if (!live) continue;
      scored++;
      let at = essential - 1;
      for (; at >= 0 && score + (boundUpTo[at + 1] as number) >= top.threshold; at--) {
        const matcher = sorted[at] as Matcher;
        if (matcher.advance(row) === row) score += parts[order[at] as number] = matcher.score();
      }
      // Summed in the order of the query, so that equal rows have equal scores.
      if (at < 0)
        top.offer(
          parts.reduce((sum, one) => sum + one, 0),
          shard,
          row,
        );
    }
  }

  #excluded(row: number): boolean {
    return this.#never.some((matcher) => matcher.advance(row) === row);
  }
}

const boundOf = (matchers: readonly Matcher[], at: number): number => (matchers[at] as Matcher).bound;

function matcherOf(
  { kind, terms }: TextClause,
  { postings, positions, lengths }: TextLists,
  { idf }: TextScoring,
  part: Part,
): Matcher | undefined {
  const single = (term: number): Matcher | undefined => {
    const list = postings[term];
    return list === undefined ? undefined : new TermMatcher(list, idf[term] ?? 0, part, lengths);
  };
  if (terms.length === 1) return single(terms[0] as number);
  if (kind === "any") {
    const children = terms.map(single).filter((child) => child !== undefined);
    return children.length === 0 ? undefined : new AnyMatcher(children);
  }
  const found = terms.map((term) => ({ postings: postings[term], positions: positions[term], idf: idf[term] ?? 0 }));
  const whole = found.filter((one) => one.postings !== undefined && one.positions !== undefined);
  if (whole.length < terms.length) return undefined;
  return new PhraseMatcher(whole as { postings: Uint8Array; positions: Uint8Array; idf: number }[], part, lengths);
}
