import type { Ranker } from "../ranking/index.ts";
import {
  exactScore,
  type LeafHit,
  type Moment,
  type Place,
  type PreparedText,
  type RowFeatures,
} from "../search/index.ts";
import type { Collection } from "./collection.ts";
import { nearestTo } from "./nearest-search.ts";
import { asFailed, documentsOf, highlighted } from "./result-pages.ts";
import { scoreRows } from "./scored-rows.ts";
import type { SearchAnswer } from "./search-answer.ts";
import type { SearchParts } from "./search-parts.ts";
import { has, type Query } from "./search-query.ts";

/** A document that may be among the results. */
interface Candidate {
  readonly id: string;
  readonly place: Place | undefined;
}

/** Candidates of each kind that are ranked, at least: what fusion can choose from. */
const leastCandidates = 200;

/** Ranks by any scorers: candidates by meaning and by words, scored by all of them, fused. */
export class RankedSearch {
  readonly #with: SearchParts;

  constructor(parts: SearchParts) {
    this.#with = parts;
  }

  /** Candidates by meaning and by words, scored by all scorers, fused. */
  async answer(collection: Collection, moment: Moment, query: Query, ranker: Ranker): Promise<SearchAnswer> {
    const { request, kind, vector, text, analyzer, timeoutMs } = query;
    const { limit, offset, include } = request;
    const wordsAlone = byWordsAlone(query, ranker);
    const depth = wordsAlone ? limit + offset : Math.max(leastCandidates, 2 * (limit + offset));
    const byWords =
      kind === "hybrid" && text !== undefined && (has(ranker, "bm25") || !has(ranker, "vector_similarity"));
    const needsText = text !== undefined && (byWords || has(ranker, "bm25") || include.includes("highlights"));
    const prepared = needsText
      ? await this.#with.text.prepare(moment, text, analyzer, bm25Of(ranker), timeoutMs)
      : undefined;
    const [near, worded] = await Promise.all([
      vector === undefined ? undefined : nearestTo(this.#with, moment, query, depth, 0, false),
      byWords && prepared !== undefined ? this.#with.text.best(moment, prepared, depth, timeoutMs) : undefined,
    ]);
    const refused = prepared === undefined || kind === "semantic" ? undefined : mustMatch(prepared);
    const candidates = union([...(near?.hits ?? []), ...(worded?.hits ?? [])]);
    const known = wordsAlone
      ? { rows: (worded?.hits ?? []).map(wordedRow), failed: [] }
      : await this.#features(moment, candidates, prepared, query, ranker);
    const rows = refused === undefined ? known.rows : known.rows.filter(({ bm25 }) => bm25 > 0);
    const scored = await scoreRows(this.#with, collection, rows, ranker, timeoutMs, vector !== undefined);
    const least = Math.max(ranker.min_score ?? Number.NEGATIVE_INFINITY, request.min_score ?? Number.NEGATIVE_INFINITY);
    const page = scored.filter(({ score }) => score >= least).slice(offset, offset + limit);
    const { hits, failed: unread } = await documentsOf(this.#with, moment, page, query);
    const empty = emptyAnswer(moment);
    const failed = [
      ...[...(prepared?.failed ?? []), ...(worded?.failed ?? []), ...known.failed].map(asFailed),
      ...unread,
    ];
    const work = worded?.work;
    const sum = near?.work ?? empty.work;
    return {
      ...(near ?? empty),
      hits: highlighted(hits, query, prepared),
      failed: [...(near?.failed ?? []), ...failed],
      work: { ...sum, rowsScanned: sum.rowsScanned + (work?.rowsScanned ?? 0) },
    };
  }

  async #features(
    moment: Moment,
    candidates: readonly Candidate[],
    text: PreparedText | undefined,
    { vector, timeoutMs }: Query,
    ranker: Ranker,
  ): Promise<{
    rows: readonly RowFeatures[];
    failed: readonly { shard: string; error: { code: string; detail: string } }[];
  }> {
    const { distance } = moment.snapshot.manifest.settings;
    const wholeRows = ranker.scorers.some(({ name }) => name === "expression" || name === "custom");
    const inTail = new Map(moment.tail.map((document) => [document.id as string, document]));
    const places = candidates.flatMap(({ place }) => (place === undefined ? [] : [place]));
    const wanted = {
      query: vector ?? null,
      distance,
      text,
      withText: wholeRows,
      withVector: wholeRows,
      withRank: wholeRows || has(ranker, "pagerank"),
    };
    const found = await this.#with.root.features(moment, places, wanted, timeoutMs);
    const tail = candidates.flatMap(({ id, place }): RowFeatures[] => {
      const document = place === undefined ? inTail.get(id) : undefined;
      if (document === undefined) return [];
      const { vector: own, text: body, metadata, createdAt, updatedAt } = document;
      return [
        {
          id,
          shard: "",
          row: 0,
          similarity: vector === undefined || own === null ? null : exactScore(distance, vector, own),
          bm25: text === undefined ? 0 : (this.#with.text.scoreOf(document, text) ?? 0),
          createdAt,
          pagerank: 0,
          document: { text: body, metadata, createdAt, updatedAt },
          vector: own,
        },
      ];
    });
    return { rows: [...found.rows, ...tail], failed: found.failed };
  }
}

/**
 * When BM25 alone decides, the best by it are the results, and nothing else need be known of them: whatever the fusion, scores
 * are of ranks, or of values divided by the largest.
 */
const byWordsAlone = ({ kind, vector, text }: Query, { scorers: [only, ...others] }: Ranker): boolean =>
  kind === "hybrid" &&
  vector === undefined &&
  text !== undefined &&
  others.length === 0 &&
  only?.name === "bm25" &&
  only.weight > 0;

const wordedRow = ({ id, score, place }: LeafHit): RowFeatures => ({
  id,
  shard: "",
  row: 0,
  ...place,
  similarity: null,
  bm25: score,
  createdAt: "",
  pagerank: 0,
  document: null,
  vector: null,
});

export function bm25Of(ranker: Ranker | undefined): { readonly k1: number; readonly b: number } {
  const { k1 = 1.2, b = 0.75 } = ranker?.scorers.find(({ name }) => name === "bm25") ?? {};
  return { k1, b };
}

/** Defined when the query has words that a result must, or must never, have. */
const mustMatch = ({ scoring }: PreparedText): true | undefined =>
  scoring.clauses.some(({ occur }) => occur !== "should") ? true : undefined;

/** Each id once. */
function union(hits: readonly LeafHit[]): readonly Candidate[] {
  return [...new Map(hits.map(({ id, place }) => [id, { id, place }])).values()];
}

const emptyAnswer = ({ snapshot: { manifest, targets } }: Moment): SearchAnswer => ({
  hits: [],
  failed: [],
  work: { cellsSearched: 0, rowsScanned: 0, rowsRescored: 0, computeMs: 0, tailDocuments: 0 },
  plan: {
    generation: manifest.generation,
    shards: targets.map(({ entry: { id, documents, cells } }) => ({
      shard: id,
      kept: true,
      reason: "terms",
      documents,
      cells,
      cellsSelected: 0,
      strategy: "inverted index",
      matching: undefined,
      filter: undefined,
    })),
  },
  shardsSearched: targets.filter(({ entry }) => entry.archived === undefined).length,
  cellsTotal: manifest.shards.reduce((sum, { cells }) => sum + cells, 0),
});
