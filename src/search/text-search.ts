import { LRUCache } from "lru-cache";
import { deserializeError } from "../base/index.ts";
import type { ShardEntry } from "../manifest/index.ts";
import type { TermTable, TextClause, TextScoring } from "../shard/index.ts";
import type { Analyzer, Clause, TextQuery } from "../text/index.ts";
import type { DeadTerms, LeafHit, LeafReply, LeafWork, ShardTarget, TermNumbers } from "./leaf-request.ts";
import { noWork } from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import { type Moment, matchingRows } from "./moment.ts";
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
}

export interface TextAnswer {
  readonly hits: readonly LeafHit[];
  readonly failed: LeafReply["failed"];
  readonly work: LeafWork;
}

/** Terms that a beginning (`net*`) may stand for: those in most documents. */
const mostOfPrefix = 64;
const rememberedDeaths = 20_000;

/** Finds documents by their terms. */
export class TextSearch {
  readonly #leaves: LeafTransport;
  readonly #tables: TermTables;
  readonly #tail = new TailTexts();
  readonly #deaths = new LRUCache<string, DeadTerms>({ max: rememberedDeaths });

  constructor(leaves: LeafTransport, tables: TermTables) {
    this.#leaves = leaves;
    this.#tables = tables;
  }

  /**
   * Weights the terms of a query: idf = ln(1 + (N − n + 0.5)/(n + 0.5)), where N live documents n of which hold the term, and
   * the average of terms in a document, all over the whole collection and not what a filter leaves of it (Robertson and
   * Zaragoza, The Probabilistic Relevance Framework, 2009). Reads the shards' lists of terms; of shards only those with
   * rows that have died or are out of date.
   */
  async prepare(
    moment: Moment,
    query: TextQuery,
    analyzer: Analyzer,
    { k1, b }: Bm25Options,
    timeoutMs: number,
  ): Promise<PreparedText> {
    const { manifest, targets } = moment.snapshot;
    const tables = await Promise.all(manifest.shards.map((entry) => this.#tables.of(entry)));
    const tail = moment.wholeTail.map((document) => this.#tail.of(document, analyzer));
    const { clauses, names } = named(query.clauses, tables, tail);
    const entries = names.map((name) => tables.map((table) => table.find(name)));
    const numbers = new Map(
      manifest.shards.map(({ id }, shard) => [id as string, entries.map((of) => of[shard]?.number ?? 0)] as const),
    );
    const dead = await this.#dead(moment, targets, names, numbers, timeoutMs);
    const less = (of: (one: DeadTerms) => number): number => dead.reduce((sum, one) => sum + of(one), 0);
    const documents = sum(manifest.shards, (entry) => entry.documents) - less((one) => one.documents) + tail.length;
    const terms =
      sum(manifest.shards, (entry) => moment.view.summaries.of(entry.id).terms) -
      less((one) => one.terms) +
      sum(tail, (text) => text.terms.length);
    const idf = names.map((name, at) => {
      const inShards =
        sum(entries[at] ?? [], (entry) => entry?.documents ?? 0) - less(({ holding }) => holding[at] ?? 0);
      const holding = inShards + tail.filter(({ counts }) => counts.has(name)).length;
      return Math.log(1 + (documents - holding + 0.5) / (holding + 0.5));
    });
    const averageTerms = documents === 0 ? 0 : terms / documents;
    return { scoring: { k1, b, averageTerms, idf, clauses }, names, numbers, analyzer };
  }

  /** The best documents, with their places. */
  async best(moment: Moment, prepared: PreparedText, limit: number, timeoutMs: number): Promise<TextAnswer> {
    const { scoring, numbers } = prepared;
    const shards = moment.snapshot.targets
      .map((target) => ({ ...target, terms: numbers.get(target.entry.id) ?? [] }))
      .filter((target) => mayMatch(target, scoring));
    const { scope } = moment.snapshot;
    const reply: LeafReply =
      shards.length === 0 || scoring.clauses.every(({ occur }) => occur === "never")
        ? { hits: [], rows: [], failed: [], work: noWork }
        : await this.#leaves.ask({ kind: "text", scope, shards, scoring, limit }, timeoutMs);
    const tail = moment.tail.flatMap((document): LeafHit[] => {
      const score = this.scoreOf(document, prepared);
      return score === undefined ? [] : [{ id: document.id, score, document: null, vector: null }];
    });
    const hits = [...reply.hits, ...tail].sort(byScore).slice(0, limit);
    return { hits, failed: reply.failed, work: reply.work };
  }

  /** BM25 of a document of the tail; undefined when it does not match. */
  scoreOf(document: Moment["tail"][number], { analyzer, names, scoring }: PreparedText): number | undefined {
    return scoreText(this.#tail.of(document, analyzer), names, scoring);
  }

  /** What the shards' lists count too much, of each shard that has rows which don't count any more. */
  async #dead(
    { snapshot: { scope, manifest } }: Moment,
    targets: readonly ShardTarget[],
    names: readonly string[],
    numbers: ReadonlyMap<string, TermNumbers>,
    timeoutMs: number,
  ): Promise<readonly DeadTerms[]> {
    const deletes = new Map<string, ShardEntry["deletes"]>(manifest.shards.map((entry) => [entry.id, entry.deletes]));
    const asked = targets.flatMap(({ entry, excluded }) =>
      entry.deletes === null && excluded.length === 0 ? [] : [{ entry, excluded, terms: numbers.get(entry.id) ?? [] }],
    );
    const keyOf = ({ entry, excluded }: ShardTarget): string =>
      JSON.stringify([entry.file.key, deletes.get(entry.id)?.key ?? "", excluded, names]);
    const unknown = asked.filter((target) => !this.#deaths.has(keyOf(target)));
    if (unknown.length > 0) {
      const reply = await this.#leaves.ask({ kind: "dead terms", scope, shards: unknown }, timeoutMs);
      const [failure] = reply.failed;
      if (failure !== undefined) throw deserializeError(failure.error);
      const byShard = new Map((reply.dead ?? []).map((one) => [one.shard, one]));
      for (const target of unknown) {
        const found = byShard.get(target.entry.id);
        if (found !== undefined) this.#deaths.set(keyOf(target), found);
      }
    }
    return asked.flatMap((target) => this.#deaths.get(keyOf(target)) ?? []);
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

/** Clauses with their terms by number, beginnings replaced by the terms that they stand for. */
function named(
  clauses: readonly Clause[],
  tables: readonly TermTable[],
  tail: readonly { readonly counts: ReadonlyMap<string, number> }[],
): { readonly clauses: readonly TextClause[]; readonly names: readonly string[] } {
  const numbers = new Map<string, number>();
  const numberOf = (term: string): number => {
    const known = numbers.get(term) ?? numbers.size;
    numbers.set(term, known);
    return known;
  };
  const named = clauses.map(({ kind, terms, occur }): TextClause => {
    const meant = kind === "prefix" ? beginning(terms, tables, tail) : terms;
    return { kind: kind === "prefix" ? "any" : "all", terms: meant.map(numberOf), occur };
  });
  return { clauses: named, names: [...numbers.keys()] };
}

/** `terms`: a beginning, then terms that count as begun by it. */
function beginning(
  [prefix = "", ...more]: readonly string[],
  tables: readonly TermTable[],
  tail: readonly { readonly counts: ReadonlyMap<string, number> }[],
): readonly string[] {
  const documents = new Map<string, number>(more.map((term) => [term, 0]));
  for (const table of tables)
    for (const { term, documents: own } of table.beginning(prefix, 16 * mostOfPrefix))
      documents.set(term, (documents.get(term) ?? 0) + own);
  for (const { counts } of tail)
    for (const term of counts.keys()) if (term.startsWith(prefix)) documents.set(term, (documents.get(term) ?? 0) + 1);
  return [...documents]
    .sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1))
    .slice(0, mostOfPrefix)
    .map(([term]) => term);
}
