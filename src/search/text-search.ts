import type { TextClause, TextScoring } from "../shard/index.ts";
import type { Analyzer, TextQuery } from "../text/index.ts";
import { DeadStatistics } from "./dead-statistics.ts";
import type { LeafHit, LeafReply, LeafWork, ShardTarget, TermNumbers } from "./leaf-request.ts";
import { isFrozenTarget, noWork } from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import { frozenFailures, type Moment, matchingRows } from "./moment.ts";
import { OutdatedTexts } from "./outdated-texts.ts";
import { numberedTerms } from "./query-terms.ts";
import { byScore } from "./similarity.ts";
import { scoreText, TailTexts } from "./tail-text.ts";
import type { TermTables } from "./term-tables.ts";

/** BM25's constants. */
export interface Bm25Options {
  /** How soon more occurrences stop to count; 1.2 is usual. */
  readonly k1: number;
  /** How much long documents are held to account for their length, 0 to 1; 0.75 is usual. */
  readonly b: number;
}

/** A text query with the statistics of the whole collection: what leaves need to score by it. */
export interface PreparedText {
  readonly scoring: TextScoring;
  /** The terms that `scoring` counts. */
  readonly names: readonly string[];
  /** By shard id. */
  readonly numbers: ReadonlyMap<string, TermNumbers>;
  readonly analyzer: Analyzer;
  /** Shards that did not say what their outdated rows take from the statistics. */
  readonly failed: LeafReply["failed"];
}

export interface TextAnswer {
  readonly hits: readonly LeafHit[];
  readonly failed: LeafReply["failed"];
  readonly work: LeafWork;
}

/** Finds documents by their terms. */
export class TextSearch {
  readonly #leaves: LeafTransport;
  readonly #tables: TermTables;
  readonly #tail = new TailTexts();
  readonly #dead: DeadStatistics;
  readonly #outdated: OutdatedTexts;

  constructor(leaves: LeafTransport, tables: TermTables) {
    this.#leaves = leaves;
    this.#tables = tables;
    this.#dead = new DeadStatistics(leaves, tables);
    this.#outdated = new OutdatedTexts(leaves);
  }

  /**
   * Weights the terms of a query: idf = ln(1 + (N − n + 0.5)/(n + 0.5)), where N live documents n of which hold the term, and
   * the average of terms in a document, all over the whole collection and not what a filter leaves of it (Robertson and
   * Zaragoza, The Probabilistic Relevance Framework, 2009). Reads the shards' lists of terms, and what is said beside bitmaps of dead
   * rows; asks shards only for rows that the tail replaces or deletes, for each once. A shard that does not answer is named, and
   * counts as if none of its rows were out of date.
   */
  async prepare(
    moment: Moment,
    query: TextQuery,
    analyzer: Analyzer,
    { k1, b }: Bm25Options,
    timeoutMs: number,
  ): Promise<PreparedText> {
    const { manifest } = moment.snapshot;
    const tables = await Promise.all(manifest.shards.map((entry) => this.#tables.of(entry)));
    const tail = moment.wholeTail.map((document) => this.#tail.of(document, analyzer));
    const { clauses, names } = numberedTerms(query.clauses, tables, tail);
    const entries = names.map((name) => tables.map((table) => table.find(name)));
    const numbers = new Map(
      manifest.shards.map(({ id }, shard) => [id as string, entries.map((of) => of[shard]?.number ?? 0)] as const),
    );
    const parts = await Promise.all([
      this.#dead.of(moment, names, numbers, timeoutMs),
      this.#outdated.of(moment, analyzer, timeoutMs),
      this.#dead.ofOutdated(moment, names, numbers, timeoutMs),
    ]);
    const gone = parts.flatMap(({ taken }) => taken);
    const documents =
      sum(manifest.shards, (entry) => entry.documents) - sum(gone, (one) => one.documents) + tail.length;
    const terms =
      sum(manifest.shards, (entry) => moment.view.summaries.of(entry.id).terms) -
      sum(gone, (one) => one.terms) +
      sum(tail, (text) => text.terms.length);
    const idf = names.map((name, at) => {
      const inShards =
        sum(entries[at] ?? [], (entry) => entry?.documents ?? 0) - sum(gone, (one) => one.documentsWith(name));
      // Another version of ICU may have cut a dead text into other words: then a count is off by a few, but not below nothing.
      const holding = Math.max(0, inShards) + sum(tail, ({ counts }) => (counts.has(name) ? 1 : 0));
      return Math.log(1 + (documents - holding + 0.5) / (holding + 0.5));
    });
    const averageTerms = documents === 0 ? 0 : terms / documents;
    const failed = parts.flatMap((part) => part.failed);
    return { scoring: { k1, b, averageTerms, idf, clauses }, names, numbers, analyzer, failed };
  }

  /** The best documents, with their places. */
  async best(moment: Moment, prepared: PreparedText, limit: number, timeoutMs: number): Promise<TextAnswer> {
    const { scoring, numbers } = prepared;
    const shards = moment.snapshot.targets
      .map((target) => ({ ...target, terms: numbers.get(target.entry.id) ?? [] }))
      .filter((target) => mayMatch(target, scoring));
    const { scope } = moment.snapshot;
    const readable = shards.filter((target) => !isFrozenTarget(target));
    const frozen = frozenFailures(shards.filter(isFrozenTarget), scope);
    const reply: LeafReply =
      readable.length === 0 || scoring.clauses.every(({ occur }) => occur === "never")
        ? { hits: [], rows: [], failed: [], work: noWork }
        : await this.#leaves.ask({ kind: "text", scope, shards: readable, scoring, limit }, timeoutMs);
    const tail = moment.tail.flatMap((document): LeafHit[] => {
      const score = this.scoreOf(document, prepared);
      return score === undefined ? [] : [{ id: document.id, score, document: null, vector: null }];
    });
    const hits = [...reply.hits, ...tail].sort(byScore).slice(0, limit);
    return { hits, failed: [...reply.failed, ...frozen], work: reply.work };
  }

  /** BM25 of a document of the tail; undefined when it does not match. */
  scoreOf(document: Moment["tail"][number], { analyzer, names, scoring }: PreparedText): number | undefined {
    return scoreText(this.#tail.of(document, analyzer), names, scoring);
  }
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);

/** Whether a row of the shard may match at all, by its list of terms and the query's filter. */
function mayMatch(target: ShardTarget & { readonly terms: TermNumbers }, { clauses }: TextScoring): boolean {
  const some = ({ kind, terms }: TextClause): boolean =>
    kind === "any" ? terms.some((term) => target.terms[term] !== 0) : terms.every((term) => target.terms[term] !== 0);
  const wanted = clauses.filter(({ occur }) => occur !== "never");
  if (matchingRows(target) === 0) return false;
  return wanted.some(some) && wanted.every((clause) => clause.occur !== "must" || some(clause));
}
