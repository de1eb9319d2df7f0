import type { Scope } from "../base/index.ts";
import { epochMsOf } from "../base/index.ts";
import type { ShardEntry } from "../manifest/index.ts";
import {
  defaultRanker,
  freshness,
  fuse,
  type RankedDocument,
  type Ranker,
  type ScoredBy,
  type Scorer,
} from "../ranking/index.ts";
import {
  byScore,
  exactScore,
  type FailedShard,
  filtered,
  type LeafHit,
  type Moment,
  type Place,
  type PreparedText,
  type Root,
  type RowFeatures,
  type TextSearch,
  type VectorQuery,
} from "../search/index.ts";
import type { DocumentExpression } from "../sql/index.ts";
import { currentReceipt, emptyReceipt, withReceipt } from "../telemetry/index.ts";
import { Analyzer, bestPassage, parseTextQuery, type TextQuery } from "../text/index.ts";
import type { Metadata, RankerSpec, SearchHit, SearchRequest, SearchResponse, ShardFailure } from "./api.ts";
import { invalid } from "./check-document.ts";
import { checkRanker } from "./check-ranker.ts";
import { checkAsOf, checkSearch, type SearchKind } from "./check-search.ts";
import type { Collection, EngineParts } from "./collection.ts";
import { describeAnswer, describeHit } from "./describe.ts";
import type { Reads } from "./reads.ts";
import type { RankedHit, SearchAnswer } from "./search-answer.ts";
import type { Sql } from "./sql.ts";

export interface SearchParts {
  readonly parts: EngineParts;
  readonly reads: Reads;
  readonly root: Root;
  readonly text: TextSearch;
  readonly sql: Sql;
}

/** A query with everything that it needs, before any moment of the collection is looked at. */
interface Query {
  readonly request: SearchRequest;
  readonly kind: SearchKind;
  readonly condition: DocumentExpression | undefined;
  /** Undefined: by vector similarity alone. */
  readonly ranker: Ranker | undefined;
  readonly vector: Float32Array | undefined;
  readonly text: TextQuery | undefined;
  readonly analyzer: Analyzer;
  readonly timeoutMs: number;
}

/** A document that may be among the results. */
interface Candidate {
  readonly id: string;
  readonly place: Place | undefined;
}

/** Candidates of each kind that are ranked, at least: what fusion can choose from. */
const leastCandidates = 200;
const passage = { maxChars: 240, before: "<mark>", after: "</mark>" };

/** Searches: by meaning, by words, by both; filtered and ranked. */
export class Searches {
  readonly #with: SearchParts;

  constructor(parts: SearchParts) {
    this.#with = parts;
  }

  async run(scope: Scope, input: Partial<SearchRequest>, kind: SearchKind): Promise<SearchResponse> {
    const { parts, reads } = this.#with;
    const startedMs = parts.clock.monotonicMs();
    const request = checkSearch(input, kind);
    const receipt = emptyReceipt();
    const answer = await withReceipt(receipt, () =>
      reads.on(scope, async (collection, current) => {
        const query = await this.#prepare(collection, request, kind);
        const asOf = checkAsOf(request.as_of);
        if (asOf !== undefined && !current) await collection.log.refresh();
        const view = await collection.viewAt(asOf);
        return await this.#with.root.at(view, current ? "eventual" : request.consistency, (moment) =>
          this.#answer(collection, moment, query),
        );
      }),
    );
    const tookMs = parts.clock.monotonicMs() - startedMs;
    return describeAnswer(answer, request, { receipt, tookMs, remote: parts.settings.storagePath.startsWith("s3://") });
  }

  /**
   * The same results one by one: the order is final before the first of them, and what each includes is read as it is wanted.
   * Ends with the statistics; whoever stops early leaves nothing running.
   */
  async *stream(
    scope: Scope,
    input: Partial<SearchRequest>,
    kind: SearchKind,
  ): AsyncGenerator<SearchHit, Omit<SearchResponse, "results">> {
    const { parts, reads, root } = this.#with;
    const startedMs = parts.clock.monotonicMs();
    const request = checkSearch(input, kind);
    const receipt = emptyReceipt();
    const found = await withReceipt(receipt, () =>
      reads.on(scope, async (collection, current) => {
        const query = await this.#prepare(collection, request, kind);
        const asOf = checkAsOf(request.as_of);
        if (asOf !== undefined && !current) await collection.log.refresh();
        const view = await collection.viewAt(asOf);
        const bare = {
          ...query,
          request: { ...request, include: request.include.filter((field) => field === "scores") },
        };
        let at: Moment | undefined;
        const answer = await root.at(view, current ? "eventual" : request.consistency, (moment) => {
          at = moment;
          return this.#answer(collection, moment, bare);
        });
        return { query, moment: at as Moment, answer };
      }),
    );
    const { query, moment, answer } = found;
    const failed = [...answer.failed];
    for (let from = 0; from < answer.hits.length; from += streamedAtOnce) {
      const part = answer.hits.slice(from, from + streamedAtOnce);
      const read = await withReceipt(receipt, () => this.#documents(moment, part, query));
      failed.push(...read.failed);
      for (const hit of this.#highlighted(read.hits, query, undefined)) yield describeHit(hit, request);
    }
    const tookMs = parts.clock.monotonicMs() - startedMs;
    const cost = { receipt, tookMs, remote: parts.settings.storagePath.startsWith("s3://") };
    const { results: _, ...end } = describeAnswer({ ...answer, hits: [], failed: distinct(failed) }, request, cost);
    return end;
  }

  /** Ids with their scores, best first: what SQL's tables of searches hold. */
  async find(
    collection: Collection,
    moment: Moment,
    kind: SearchKind | "text",
    query: string | Float32Array,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly score: number }[]> {
    const base = { offset: 0, include: [], recall: "balanced", consistency: "eventual", explain: false } as const;
    const asked = typeof query === "string" ? { query } : { vector: query };
    const ranker = kind === "text" ? ({ scorers: [{ name: "bm25", weight: 1 }], fusion: "max" } as const) : undefined;
    const request = { ...base, ...asked, limit, ...(ranker === undefined ? {} : { ranker }) };
    const prepared = await this.#prepare(collection, request, kind === "text" ? "hybrid" : kind);
    if (kind !== "text") return (await this.#answer(collection, moment, prepared)).hits;
    const { text, timeoutMs } = prepared;
    if (text === undefined) return [];
    const weighted = await this.#with.text.prepare(moment, text, prepared.analyzer, bm25Of(undefined), timeoutMs);
    return (await this.#with.text.best(moment, weighted, limit, timeoutMs)).hits;
  }

  async #prepare(collection: Collection, request: SearchRequest, kind: SearchKind): Promise<Query> {
    const { parts, reads, sql } = this.#with;
    const { settings } = collection.log.manifest;
    const analyzer = Analyzer.of(settings.language);
    const condition = request.where === undefined ? undefined : sql.readWhere(request.where, request.params);
    const chosen = request.ranker ?? (settings.ranker as RankerSpec | null | undefined) ?? undefined;
    const ranker = chosen !== undefined ? checkRanker(chosen) : kind === "hybrid" ? defaultRanker : undefined;
    const text = request.query === undefined ? undefined : parseTextQuery(request.query, analyzer);
    return {
      request,
      kind,
      condition,
      ranker,
      text,
      analyzer,
      vector: await this.#vectorOf(reads, collection, request, kind, ranker, text),
      timeoutMs: Math.min(request.timeout_ms ?? Number.POSITIVE_INFINITY, parts.settings.shardTimeoutMs),
    };
  }

  /** Undefined where the query can do without one: hybrid search in a collection without a model, ranking by words alone. */
  async #vectorOf(
    reads: Reads,
    collection: Collection,
    { query, vector }: SearchRequest,
    kind: SearchKind,
    ranker: Ranker | undefined,
    text: TextQuery | undefined,
  ): Promise<Float32Array | undefined> {
    if (kind === "semantic")
      return await reads.queryVector(collection, vector === undefined ? { query: query ?? "" } : { vector });
    const byMeaning = ranker === undefined || has(ranker, "vector_similarity") || !has(ranker, "bm25");
    if (vector !== undefined) return await reads.queryVector(collection, { vector });
    if (!byMeaning || collection.log.manifest.settings.embeddingModel === "none") return undefined;
    const plain = text?.plain ?? "";
    return plain === "" ? undefined : await reads.queryVector(collection, { query: plain });
  }

  async #answer(collection: Collection, whole: Moment, query: Query): Promise<SearchAnswer> {
    const { moment, failed } = await this.#filtered(collection, whole, query);
    const aside = whole.snapshot.manifest.quarantined.map(setAside);
    const answer =
      query.ranker === undefined
        ? await this.#nearest(moment, query, query.request.limit, query.request.offset)
        : await this.#ranked(collection, moment, query, query.ranker);
    return { ...answer, failed: distinct([...failed, ...answer.failed, ...aside]) };
  }

  async #filtered(
    collection: Collection,
    moment: Moment,
    { condition, timeoutMs }: Query,
  ): Promise<{ moment: Moment; failed: readonly FailedShard[] }> {
    if (condition === undefined) return { moment, failed: [] };
    const found = await this.#with.sql.filter(collection, moment, condition, timeoutMs);
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.computeMs += found.computeMs;
    const tail = new Set(moment.tail.filter((_document, at) => found.tail.has(at)).map(({ id }) => id));
    const failed = found.failed.map(({ shard, error: { code, detail } }) => ({ shard, code, detail }));
    return { moment: filtered(moment, { shards: found.shards, tail }), failed };
  }

  async #nearest(moment: Moment, query: Query, limit: number, offset: number, full = true): Promise<SearchAnswer> {
    const { request, vector, timeoutMs } = query;
    const { include, min_score: minScore, recall, consistency, shard_limit: shardLimit } = request;
    const asked: VectorQuery = {
      vector: vector ?? new Float32Array(0),
      limit,
      offset,
      minScore: full ? minScore : undefined,
      recall,
      consistency,
      shardLimit,
      timeoutMs,
      withText: full && wantsText(include),
      withVector: full && include.includes("embedding"),
    };
    const answer = await this.#with.root.searchAt(moment, asked);
    if (!full) return answer;
    const hits = answer.hits.map((hit) => ({
      ...hit,
      ...(include.includes("scores") ? { scores: { vector_similarity: hit.score, fused: hit.score } } : {}),
    }));
    return { ...answer, hits: this.#highlighted(hits, query, undefined) };
  }

  /** Candidates by meaning and by words, scored by all scorers, fused. */
  async #ranked(collection: Collection, moment: Moment, query: Query, ranker: Ranker): Promise<SearchAnswer> {
    const { request, kind, vector, text, analyzer, timeoutMs } = query;
    const { limit, offset, include } = request;
    const depth = Math.max(leastCandidates, 2 * (limit + offset));
    const byWords =
      kind === "hybrid" && text !== undefined && (has(ranker, "bm25") || !has(ranker, "vector_similarity"));
    const needsText = text !== undefined && (byWords || has(ranker, "bm25") || include.includes("highlights"));
    const prepared = needsText
      ? await this.#with.text.prepare(moment, text, analyzer, bm25Of(ranker), timeoutMs)
      : undefined;
    const [near, worded] = await Promise.all([
      vector === undefined ? undefined : this.#nearest(moment, query, depth, 0, false),
      byWords && prepared !== undefined ? this.#with.text.best(moment, prepared, depth, timeoutMs) : undefined,
    ]);
    const refused = prepared === undefined || kind === "semantic" ? undefined : mustMatch(prepared);
    const candidates = union([...(near?.hits ?? []), ...(worded?.hits ?? [])]);
    const known = await this.#features(moment, candidates, prepared, query, ranker);
    const rows = refused === undefined ? known.rows : known.rows.filter(({ bm25 }) => bm25 > 0);
    const scored = await this.#scored(collection, rows, ranker, timeoutMs, vector !== undefined);
    const least = Math.max(ranker.min_score ?? Number.NEGATIVE_INFINITY, request.min_score ?? Number.NEGATIVE_INFINITY);
    const page = scored.filter(({ score }) => score >= least).slice(offset, offset + limit);
    const { hits, failed: unread } = await this.#documents(moment, page, query);
    const empty = emptyAnswer(moment);
    const failed = [...[...(worded?.failed ?? []), ...known.failed].map(asFailed), ...unread];
    const work = worded?.work;
    const sum = near?.work ?? empty.work;
    return {
      ...(near ?? empty),
      hits: this.#highlighted(hits, query, prepared),
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
    const wanted = { query: vector ?? null, distance, text, withText: wholeRows, withVector: wholeRows };
    const found = await this.#with.root.features(moment, places, wanted, timeoutMs);
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.computeMs += found.computeMs;
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

  async #scored(
    collection: Collection,
    rows: readonly RowFeatures[],
    ranker: Ranker,
    timeoutMs: number,
    byMeaning: boolean,
  ): Promise<readonly (RankedHit & { readonly features: RowFeatures })[]> {
    const nowMs = this.#with.parts.clock.now();
    const scorers = await Promise.all(
      ranker.scorers.map(async (scorer): Promise<ScoredBy> => {
        const { distance } = collection.log.manifest.settings;
        const values = await this.#valuesOf(collection, scorer, rows, nowMs, timeoutMs);
        return { weight: scorer.weight, values, scale: scaleOf(scorer, distance) };
      }),
    );
    const names = scorerNames(ranker.scorers);
    const { scores, parts } = fuse(scorers, ranker.fusion, rows.length);
    const hits = rows.map((features, at) => {
      const values = names.flatMap((name, scorer) => {
        const value = scorers[scorer]?.values[at];
        return value === null || value === undefined ? [] : [[name, value] as const];
      });
      const score = scores[at] as number;
      const shown = byMeaning ? values : values.filter(([name]) => name !== "vector_similarity");
      return {
        id: features.id,
        score,
        document: features.document,
        vector: features.vector,
        ...(features.shard === "" ? {} : { place: { shard: features.shard, row: features.row } }),
        scores: { ...Object.fromEntries(shown), fused: score },
        contributions: Object.fromEntries(
          names.flatMap((name, scorer) => (parts[scorer] === undefined ? [] : [[name, parts[scorer]?.[at] as number]])),
        ),
        features,
      };
    });
    return hits.sort(byScore);
  }

  async #valuesOf(
    collection: Collection,
    { name, half_life_days: halfLifeDays = 14, sql, score }: Scorer,
    rows: readonly RowFeatures[],
    nowMs: number,
    timeoutMs: number,
  ): Promise<readonly (number | null)[]> {
    switch (name) {
      case "vector_similarity":
        return rows.map(({ similarity }) => similarity);
      case "bm25":
        return rows.map(({ bm25 }) => (bm25 > 0 ? bm25 : null));
      case "pagerank":
        return rows.map(({ pagerank }) => pagerank);
      case "freshness":
        return rows.map(({ createdAt }) => freshness(epochMsOf(createdAt), nowMs, halfLifeDays));
      case "custom":
        return score === undefined ? rows.map(() => null) : rows.map((row) => called(score, row));
      case "expression":
        return await this.#with.sql.evaluate(collection, sql ?? "", rows.map(wholeDocument), timeoutMs);
    }
  }

  /** The hits with what was asked to be included; without those of a shard that can't be read any more. */
  async #documents(
    moment: Moment,
    page: readonly RankedHit[],
    { request: { include }, timeoutMs }: Query,
  ): Promise<{ readonly hits: readonly RankedHit[]; readonly failed: readonly FailedShard[] }> {
    const [withText, withVector] = [wantsText(include), include.includes("embedding")];
    const { distance } = moment.snapshot.manifest.settings;
    const places = page.flatMap(({ place }) => (place === undefined ? [] : [place]));
    const wanted = { query: null, distance, text: undefined, withText, withVector };
    const reads = withText || withVector;
    const found = reads ? await this.#with.root.features(moment, places, wanted, timeoutMs) : { rows: [], failed: [] };
    const byId = new Map(found.rows.map((row) => [row.id, row]));
    const inTail = new Map(moment.tail.map((document) => [document.id as string, document]));
    const scored = include.includes("scores");
    const hits = page.flatMap(({ scores, contributions, ...hit }): RankedHit[] => {
      const own = hit.place === undefined ? inTail.get(hit.id) : byId.get(hit.id)?.document;
      if (reads && own == null) return [];
      const vector = hit.place === undefined ? inTail.get(hit.id)?.vector : byId.get(hit.id)?.vector;
      return [
        {
          id: hit.id,
          score: hit.score,
          ...(hit.place === undefined ? {} : { place: hit.place }),
          document: withText ? (own ?? null) : null,
          vector: withVector ? (vector ?? null) : null,
          ...(scored && scores !== undefined ? { scores } : {}),
          ...(scored && contributions !== undefined ? { contributions } : {}),
        },
      ];
    });
    return { hits, failed: found.failed.map(asFailed) };
  }

  #highlighted(
    hits: readonly RankedHit[],
    { request, text, analyzer }: Query,
    prepared: PreparedText | undefined,
  ): readonly RankedHit[] {
    if (!request.include.includes("highlights")) return hits;
    const wanted = (text?.clauses ?? []).filter(({ occur }) => occur !== "never").flatMap(({ terms }) => terms);
    const weights = new Map(
      prepared === undefined
        ? wanted.map((term) => [term, 1] as const)
        : prepared.names.map((name, at) => [name, prepared.scoring.idf[at] ?? 0] as const),
    );
    return hits.map((hit) => {
      const found = hit.document === null ? undefined : bestPassage(hit.document.text, weights, analyzer, passage);
      return { ...hit, highlights: found === undefined ? [] : [found] };
    });
  }
}

/** Results whose documents are read together. */
const streamedAtOnce = 20;

const wantsText = (include: SearchRequest["include"]): boolean =>
  include.some((field) => field === "text" || field === "metadata" || field === "highlights");

const has = ({ scorers }: Ranker, name: Scorer["name"]): boolean => scorers.some((scorer) => scorer.name === name);

function bm25Of(ranker: Ranker | undefined): { readonly k1: number; readonly b: number } {
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

function scaleOf({ name }: Scorer, distance: "cosine" | "l2" | "dot"): ScoredBy["scale"] {
  if (name === "freshness" || (name === "vector_similarity" && distance !== "dot")) return "clamped";
  return name === "bm25" || name === "pagerank" ? "by_most" : "by_range";
}

/** `expression`, `expression_2`, … */
function scorerNames(scorers: readonly Scorer[]): readonly string[] {
  const seen = new Map<string, number>();
  return scorers.map(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}

const wholeDocument = ({ id, document, vector, pagerank, createdAt }: RowFeatures) => ({
  id,
  text: document?.text ?? "",
  metadata: document?.metadata ?? "{}",
  createdAt,
  updatedAt: document?.updatedAt ?? createdAt,
  vector,
  pagerank,
});

function called(
  score: (document: RankedDocument) => number,
  { id, document, createdAt, pagerank }: RowFeatures,
): number | null {
  const metadata = JSON.parse(document?.metadata ?? "{}") as Metadata;
  const value = score({ id, text: document?.text ?? "", metadata, created_at: createdAt, pagerank });
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(
    "invalid_score",
    `The custom scorer gave ${String(value)} for ${JSON.stringify(id)}; it must give a finite number.`,
  );
}

const asFailed = ({
  shard,
  error: { code, detail },
}: {
  shard: string;
  error: { code: string; detail: string };
}): FailedShard => ({
  shard,
  code,
  detail,
});

const distinct = (failed: readonly FailedShard[]): readonly FailedShard[] => [
  ...new Map(failed.map((one) => [one.shard, one])).values(),
];

/** A search can't know what of it would have been found. */
const setAside = ({ id }: ShardEntry): ShardFailure => ({
  shard: id,
  code: "shard_quarantined",
  detail: "This shard was damaged and is set aside; its documents are missing from this answer.",
});

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
    })),
  },
  shardsSearched: targets.length,
  cellsTotal: manifest.shards.reduce((sum, { cells }) => sum + cells, 0),
});
