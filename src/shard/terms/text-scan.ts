import { blockRows } from "./encode-term.ts";
import { type PlacedTerm, phraseList } from "./phrase.ts";
import { allRows, countOf, hasRow, intersect, membersOf, type RowSet, rowsOfLists, subtract } from "./row-set.ts";
import { boundsOf, placeOf, type TermList } from "./term-list.ts";
import type { TopRows } from "./top-rows.ts";

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
  readonly lists: readonly (TermList | undefined)[];
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

/** A list whose rows score, with its weight; a phrase is a list of its own. */
interface Weighted {
  readonly list: TermList;
  readonly weight: number;
  /** Most that a row of each block, and of the list, gets from it. */
  readonly blocks: Float64Array;
  readonly most: number;
  /** In the order of the query: shares are added up in it, so that equal rows have equal scores. */
  readonly order: number;
}

/** Sums in another order differ in their last bits; a bound must not be below them. */
const slack = 1 + 1e-12;

/** Scores the rows of one shard by BM25. */
export class TextScan {
  readonly #part: ReturnType<typeof bm25Part>;
  readonly #lengths: Uint32Array;
  readonly #weighted: readonly Weighted[];
  /** Of the clauses that must match; empty for one that nothing here matches. */
  readonly #must: readonly (readonly TermList[])[];
  readonly #never: readonly TermList[];

  constructor(lists: TextLists, scoring: TextScoring) {
    this.#part = bm25Part(scoring);
    this.#lengths = lists.lengths;
    const found = scoring.clauses.map((clause) => ({ ...clause, lists: listsOf(clause, lists, scoring) }));
    const of = (occur: TextClause["occur"]) => found.filter((clause) => clause.occur === occur);
    this.#must = of("must").map((clause) => clause.lists.map(({ list }) => list));
    this.#never = of("never").flatMap((clause) => clause.lists.map(({ list }) => list));
    this.#weighted = found
      .filter(({ occur }) => occur !== "never")
      .flatMap((clause) => clause.lists)
      .map(({ list, weight }, order) => {
        const { blocks, most } = boundsOf(list, this.#part);
        return { list, weight, order, blocks: blocks.map((bound) => weight * bound), most: weight * most };
      });
  }

  /** Offers every row that may be among the best, of those in `live` (undefined: of all). Returns how many were scored in full. */
  best(top: TopRows, shard: number, live: RowSet | undefined): number {
    if (this.#must.some((lists) => lists.length === 0)) return 0;
    const allowed = this.#allowed(live);
    const single = this.#must.flatMap((lists) => (lists.length === 1 ? lists : []));
    const lead = single.reduce(
      (least, list) => (list.rows.length < least.rows.length ? list : least),
      single[0] as TermList,
    );
    const postings = lead?.rows.length ?? this.#weighted.reduce((sum, { list }) => sum + list.rows.length, 0);
    if (allowed !== undefined && countOf(allowed, this.#lengths.length) * costOfLookup < postings)
      return this.#members(allowed, top, shard);
    const byBound = this.#weighted.toSorted((a, b) => a.most - b.most || b.order - a.order);
    if (lead === undefined) return this.#disjunction(byBound, top, shard, allowed);
    const last = byBound.findIndex(({ list }) => list === lead);
    const leading = [...byBound.filter((_one, at) => at !== last), byBound[last] as Weighted];
    return this.#pass(leading, leading.length - 1, top, shard, allowed);
  }

  /** The score of each of some rows, ascending; 0 for one that does not match. */
  scores(rows: readonly number[] | Uint32Array): Float64Array {
    const scores = new Float64Array(rows.length);
    if (this.#must.some((lists) => lists.length === 0)) return scores;
    const allowed = this.#allowed(undefined);
    for (const { list, weight } of this.#weighted) {
      let place = 0;
      for (let at = 0; at < rows.length; at++) {
        const row = rows[at] as number;
        place = placeOf(list.rows, row, place);
        if (list.rows[place] !== row || (allowed !== undefined && !hasRow(allowed, row))) continue;
        const share = weight * this.#part(list.occurrences[place] as number, this.#lengths[row] as number);
        scores[at] = (scores[at] as number) + share;
      }
    }
    return scores;
  }

  /** The rows that may be results at all; undefined: every row. */
  #allowed(live: RowSet | undefined): RowSet | undefined {
    if (live === undefined && this.#must.length === 0 && this.#never.length === 0) return undefined;
    const rows = this.#lengths.length;
    const allowed = live?.slice() ?? allRows(rows);
    for (const lists of this.#must) intersect(allowed, rowsOfLists(lists, rows));
    if (this.#never.length > 0) subtract(allowed, rowsOfLists(this.#never, rows));
    return allowed;
  }

  /** Where few rows may be results: looks each of them up. */
  #members(allowed: RowSet, top: TopRows, shard: number): number {
    const rows = membersOf(allowed, this.#lengths.length);
    this.scores(rows).forEach((score, at) => {
      if (score > 0) top.offer(score, shard, rows[at] as number);
    });
    return rows.length;
  }

  /**
   * MaxScore (Turtle and Flood 1995), a list at a time, those that can give most first: once the lists that are left can't
   * together lift a row among the best, rows that are only in them need not be looked at.
   */
  #disjunction(byBound: readonly Weighted[], top: TopRows, shard: number, allowed: RowSet | undefined): number {
    const sums = runningSums(byBound);
    let scored = 0;
    for (let at = byBound.length - 1; at >= 0 && (sums[at + 1] as number) >= top.threshold; at--)
      scored += this.#pass(byBound, at, top, shard, allowed);
    return scored;
  }

  /**
   * Offers the rows of list `at`, with what they get from the lists before it. A row that is in a list after it was looked at
   * before: what it gets here is less than its score, so it is turned down, or known again.
   */
  #pass(lists: readonly Weighted[], at: number, top: TopRows, shard: number, allowed: RowSet | undefined): number {
    const { list, weight, blocks, order } = lists[at] as Weighted;
    const { rows, occurrences } = list;
    const sums = runningSums(lists);
    const below = sums[at] as number;
    const places = new Uint32Array(at);
    const shares = new Float64Array(this.#weighted.length);
    const part = this.#part;
    const lengths = this.#lengths;
    let scored = 0;
    for (let block = 0; block < blocks.length; block++) {
      if (((blocks[block] as number) + below) * slack < top.threshold) continue;
      const to = Math.min(rows.length, (block + 1) * blockRows);
      for (let index = block * blockRows; index < to; index++) {
        const row = rows[index] as number;
        if (allowed !== undefined && !hasRow(allowed, row)) continue;
        const length = lengths[row] as number;
        const own = weight * part(occurrences[index] as number, length);
        if ((own + below) * slack < top.threshold) continue;
        shares.fill(0);
        shares[order] = own;
        let score = own;
        let other = at - 1;
        for (; other >= 0; other--) {
          const that = lists[other] as Weighted;
          const place = placeOf(that.list.rows, row, places[other] as number);
          places[other] = place;
          if (that.list.rows[place] === row) {
            const share = that.weight * part(that.list.occurrences[place] as number, length);
            shares[that.order] = share;
            score += share;
          }
          if ((score + (sums[other] as number)) * slack < top.threshold) break;
        }
        if (other >= 0 || isInLater(lists, at, row)) continue;
        scored++;
        top.offer(shares.reduce(add, 0), shard, row);
      }
    }
    return scored;
  }
}

/** A look-up in a list takes about as long as so many of its rows in a row. */
const costOfLookup = 8;

const add = (sum: number, share: number): number => sum + share;

/** What the lists before each can give together. */
function runningSums(lists: readonly Weighted[]): Float64Array {
  const sums = new Float64Array(lists.length + 1);
  lists.forEach(({ most }, at) => {
    sums[at + 1] = (sums[at] as number) + most;
  });
  return sums;
}

function isInLater(lists: readonly Weighted[], at: number, row: number): boolean {
  for (let later = at + 1; later < lists.length; later++) {
    const { rows } = (lists[later] as Weighted).list;
    if (rows[placeOf(rows, row, 0)] === row) return true;
  }
  return false;
}

/** The lists that a clause goes through: one for a term or phrase, one each for any of several terms. */
function listsOf(
  { kind, terms }: TextClause,
  { lists, positions, lengths }: TextLists,
  { idf }: TextScoring,
): readonly { readonly list: TermList; readonly weight: number }[] {
  const weightOf = (term: number): number => idf[term] ?? 0;
  if (kind === "any" || terms.length === 1)
    return terms.flatMap((term) => {
      const list = lists[term];
      return list === undefined ? [] : [{ list, weight: weightOf(term) }];
    });
  const placed = terms.flatMap((term): PlacedTerm[] => {
    const [list, own] = [lists[term], positions[term]];
    return list === undefined || own === undefined ? [] : [{ list, positions: own }];
  });
  if (placed.length < terms.length) return [];
  const weight = terms.reduce((sum, term) => sum + weightOf(term), 0);
  return [{ list: phraseList(placed, lengths), weight }];
}
