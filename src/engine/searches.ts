import type { Scope } from "../base/index.ts";
import { type CellsAhead, cellsAhead, type FailedShard, filtered, type Moment } from "../search/index.ts";
import { currentReceipt, emptyReceipt, withReceipt } from "../telemetry/index.ts";
import type { SearchHit, SearchRequest, SearchResponse } from "./api.ts";
import { checkAsOf, checkSearch, type SearchKind } from "./check-search.ts";
import type { Collection } from "./collection.ts";
import { describeAnswer, describeHit } from "./describe.ts";
import { nearestTo } from "./nearest-search.ts";
import { bm25Of, RankedSearch } from "./ranked-search.ts";
import { asFailed, documentsOf, highlighted } from "./result-pages.ts";
import type { SearchAnswer } from "./search-answer.ts";
import type { SearchParts } from "./search-parts.ts";
import { prepareQuery, type Query } from "./search-query.ts";
import { setAside } from "./set-aside.ts";
import type { FoundDocuments } from "./sql.ts";

/** Searches: by meaning, by words, by both; filtered and ranked. */
export class Searches {
  readonly #with: SearchParts;
  readonly #ranked: RankedSearch;

  constructor(parts: SearchParts) {
    this.#with = parts;
    this.#ranked = new RankedSearch(parts);
  }

  async run(scope: Scope, input: Partial<SearchRequest>, kind: SearchKind): Promise<SearchResponse> {
    const { parts, reads } = this.#with;
    const startedMs = parts.clock.monotonicMs();
    const request = checkSearch(input, kind);
    const receipt = emptyReceipt();
    const answer = await withReceipt(receipt, () =>
      reads.on(scope, async (collection, current) => {
        const query = await prepareQuery(this.#with, collection, request, kind);
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
        const query = await prepareQuery(this.#with, collection, request, kind);
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
      const read = await withReceipt(receipt, () => documentsOf(this.#with, moment, part, query));
      failed.push(...read.failed);
      for (const hit of highlighted(read.hits, query, undefined)) yield describeHit(hit, request);
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
  ): Promise<FoundDocuments> {
    const base = { offset: 0, include: [], recall: "balanced", consistency: "eventual", explain: false } as const;
    const asked = typeof query === "string" ? { query } : { vector: query };
    const ranker = kind === "text" ? ({ scorers: [{ name: "bm25", weight: 1 }], fusion: "max" } as const) : undefined;
    const request = { ...base, ...asked, limit, ...(ranker === undefined ? {} : { ranker }) };
    const prepared = await prepareQuery(this.#with, collection, request, kind === "text" ? "hybrid" : kind);
    if (kind !== "text") return await this.#answer(collection, moment, prepared);
    const { text, timeoutMs } = prepared;
    if (text === undefined) return { hits: [], failed: [] };
    const weighted = await this.#with.text.prepare(moment, text, prepared.analyzer, bm25Of(undefined), timeoutMs);
    const { hits, failed } = await this.#with.text.best(moment, weighted, limit, timeoutMs);
    const aside = moment.snapshot.manifest.quarantined.map(setAside);
    return { hits, failed: distinct([...[...weighted.failed, ...failed].map(asFailed), ...aside]) };
  }

  async #answer(collection: Collection, whole: Moment, query: Query): Promise<SearchAnswer> {
    const { moment, failed } = await this.#filtered(collection, whole, query);
    const aside = whole.snapshot.manifest.quarantined.map(setAside);
    const answer =
      query.ranker === undefined
        ? await nearestTo(this.#with, moment, query, query.request.limit, query.request.offset)
        : await this.#ranked.answer(collection, moment, query, query.ranker);
    return { ...answer, failed: distinct([...failed, ...answer.failed, ...aside]) };
  }

  async #filtered(
    collection: Collection,
    moment: Moment,
    { condition, timeoutMs, vector, request }: Query,
  ): Promise<{ moment: Moment; failed: readonly FailedShard[] }> {
    if (condition === undefined) return { moment, failed: [] };
    const { leafFunctions } = this.#with.parts.settings;
    const ahead = (): CellsAhead =>
      vector === undefined || leafFunctions > 0 ? new Map() : cellsAhead(moment, vector, request.recall);
    const found = await this.#with.sql.filter(collection, moment, condition, ahead, timeoutMs);
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.computeMs += found.computeMs;
    const tail = new Set(moment.tail.filter((_document, at) => found.tail.has(at)).map(({ id }) => id));
    const failed = found.failed.map(({ shard, error: { code, detail } }) => ({ shard, code, detail }));
    return { moment: filtered(moment, { shards: found.shards, means: found.means, tail }), failed };
  }
}

/** Results whose documents are read together. */
const streamedAtOnce = 20;

const distinct = (failed: readonly FailedShard[]): readonly FailedShard[] => [
  ...new Map(failed.map((one) => [one.shard, one])).values(),
];
