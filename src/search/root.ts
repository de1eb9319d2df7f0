import type { Clock } from "../base/index.ts";
import { type Manifest, needsRestore, type ObjectRef } from "../manifest/index.ts";
import { QueryHistory } from "../selection/index.ts";
import { currentReceipt } from "../telemetry/index.ts";
import type { CollectionView } from "./collection-view.ts";
import {
  type FeatureRequest,
  isFrozenTarget,
  type LeafFailure,
  type LeafRow,
  type LeafShard,
  type LookupRequest,
  leafShard,
  type Place,
  type RowFeatures,
  type ShardTarget,
} from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import { frozenFailures, type Moment, momentOf } from "./moment.ts";
import { emptyReply, failedShard, goneCodes, lookupError, plan, scoreTail, shardPlans } from "./root-plan.ts";
import { byScore } from "./similarity.ts";
import type { PreparedText } from "./text-search.ts";
import type { VectorAnswer, VectorQuery } from "./vector-query.ts";

export interface RootOptions {
  /** Queries of a collection that are remembered for `shard_limit`; 0: none. */
  readonly historyQueries: number;
}

/** Plans a query, fans it out to leaves, merges what comes back. */
export class Root {
  readonly #leaves: LeafTransport;
  readonly #clock: Clock;
  readonly #historyQueries: number;
  readonly #histories = new WeakMap<CollectionView, QueryHistory>();

  constructor(leaves: LeafTransport, clock: Clock, { historyQueries }: RootOptions) {
    this.#leaves = leaves;
    this.#clock = clock;
    this.#historyQueries = historyQueries;
  }

  async search(view: CollectionView, query: VectorQuery): Promise<VectorAnswer> {
    return await this.at(view, query.consistency, (moment) => this.searchAt(moment, query));
  }

  /**
   * Runs a query on one moment of the collection. When objects of its manifest turn out to be gone and a newer one names
   * what replaced them, once more on that.
   */
  async at<Answer extends { readonly failed: readonly { readonly code: string }[] }>(
    view: CollectionView,
    consistency: "strong" | "eventual",
    task: (moment: Moment) => Promise<Answer>,
  ): Promise<Answer> {
    await view.refresh(consistency);
    const moment = momentOf(view);
    const answer = await task(moment);
    if (!answer.failed.some(({ code }) => goneCodes.has(code))) return answer;
    await view.refresh("strong");
    const { generation } = moment.snapshot.manifest;
    return view.log.manifest.generation === generation ? answer : await task(momentOf(view));
  }

  /** The documents nearest to a vector, at one moment. */
  async searchAt(moment: Moment, query: VectorQuery): Promise<VectorAnswer> {
    const startedMs = this.#clock.monotonicMs();
    const { snapshot } = moment;
    const tail = scoreTail(moment, query);
    const history = this.#historyOf(moment.view);
    const { request, selection, frozen } = plan(moment, query, history);
    const rootMs = this.#clock.monotonicMs() - startedMs;
    const reply = request.shards.length === 0 ? emptyReply : await this.#leaves.ask(request, query.timeoutMs);
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.computeMs += rootMs;
    const merged = [...tail.hits, ...reply.hits].sort(byScore);
    const good = merged.filter(({ score }) => query.minScore === undefined || score >= query.minScore);
    const hits = good.slice(query.offset, query.offset + query.limit);
    // A filter says more of where its results lie than the query does.
    if (moment.filter === undefined && snapshot.manifest.shards.length > 1)
      history.note(
        query.vector,
        hits.flatMap(({ place }) => (place === undefined ? [] : [place.shard])),
      );
    return {
      hits,
      failed: [...reply.failed, ...frozenFailures(frozen, snapshot.scope)].map(failedShard),
      work: { ...reply.work, tailDocuments: tail.scored },
      plan: { generation: snapshot.manifest.generation, shards: shardPlans(moment, selection, request.mode) },
      shardsSearched: selection.shards.filter(({ kept }) => kept).length - frozen.length,
      cellsTotal: snapshot.manifest.shards.reduce((sum, { cells }) => sum + cells, 0),
    };
  }

  #historyOf(view: CollectionView): QueryHistory {
    const known = this.#histories.get(view) ?? new QueryHistory(this.#historyQueries);
    this.#histories.set(view, known);
    return known;
  }

  /** What scorers look at, of rows of one moment. */
  async features(
    { snapshot: { scope, targets, manifest } }: Moment,
    places: readonly Place[],
    wanted: Pick<FeatureRequest, "query" | "distance" | "withText" | "withVector"> & {
      readonly text: PreparedText | undefined;
      readonly withRank: boolean;
    },
    timeoutMs: number,
  ): Promise<{
    readonly rows: readonly RowFeatures[];
    readonly failed: readonly LeafFailure[];
  }> {
    const rows = new Map<string, number[]>();
    for (const { shard, row } of places) {
      const known = rows.get(shard);
      if (known === undefined) rows.set(shard, [row]);
      else known.push(row);
    }
    const { text, withRank, ...others } = wanted;
    const ranks = new Map(withRank ? manifest.shards.map((entry) => [entry.id, entry.ranks]) : []);
    const shards = targets
      .filter(({ entry }) => rows.has(entry.id))
      .map((target) => ({
        ...target,
        ...withRanks(ranks.get(target.entry.id)),
        terms: text?.numbers.get(target.entry.id) ?? [],
        rows: (rows.get(target.entry.id) ?? []).sort((a, b) => a - b),
      }));
    if (shards.length === 0) return { rows: [], failed: [] };
    const scoring = text?.scoring ?? null;
    const reply = await this.#leaves.ask({ kind: "features", scope, shards, scoring, ...others }, timeoutMs);
    return { rows: reply.features ?? [], failed: reply.failed };
  }

  /** The live documents of some ids in some shards, whole; of files that are not here only what they take is read. */
  async documents(
    moment: Moment,
    ids: readonly string[],
    shards: ReadonlySet<string>,
    timeoutMs: number,
  ): Promise<{ readonly rows: readonly RowFeatures[]; readonly failed: readonly LeafFailure[] }> {
    const { scope, targets, manifest } = moment.snapshot;
    const asked = targets.filter(({ entry }) => shards.has(entry.id)).map((target) => ({ ...target, ids }));
    const found = await this.#leaves.ask({ kind: "lookup", scope, shards: asked, withDocument: false }, timeoutMs);
    // Whether a row is out of date is no matter of the leaf that looks it up.
    const outdated = new Map<string, ReadonlySet<string>>(
      asked.map(({ entry, excluded }) => [entry.id, new Set(excluded)]),
    );
    const live = found.rows.filter(({ id, shard }) => !outdated.get(shard)?.has(id));
    const { distance } = manifest.settings;
    const wanted = { query: null, distance, withText: true, withVector: true, text: undefined, withRank: true };
    const { rows, failed } = await this.features(moment, live, wanted, timeoutMs);
    return { rows, failed: [...found.failed, ...failed] };
  }

  /**
   * The live row of each id that has one in a shard; ids that the tail knows are the caller's business. Throws `conflict`
   * (code `archived_needs_restore`) when a document is wanted that can't be read.
   */
  async lookup(
    view: CollectionView,
    ids: readonly string[],
    withDocument: boolean,
    timeoutMs: number,
  ): Promise<readonly LeafRow[]> {
    return await this.#lookup(view, view.snapshot().targets, ids, withDocument, timeoutMs);
  }

  /** The same by an older manifest, within its grace. */
  async lookupIn(
    view: CollectionView,
    manifest: Manifest,
    ids: readonly string[],
    timeoutMs: number,
  ): Promise<readonly LeafRow[]> {
    const targets = manifest.shards.map((entry) => ({ entry: leafShard(entry), excluded: [] }));
    return await this.#lookup(view, targets, ids, false, timeoutMs);
  }

  async #lookup(
    view: CollectionView,
    targets: readonly ShardTarget[],
    ids: readonly string[],
    withDocument: boolean,
    timeoutMs: number,
  ): Promise<readonly LeafRow[]> {
    const shards = targets.flatMap((target) => {
      const filter = view.summaries.find(target.entry.id)?.ids;
      const possible = ids.filter((id) => filter?.mayHold(id) ?? true);
      return possible.length === 0 ? [] : [{ ...target, ids: possible }];
    });
    // A frozen shard knows its rows, and not what is in them.
    const parts = withDocument ? [shards.filter(isReadable), shards.filter(isFrozenTarget)] : [shards, []];
    const [rows, frozen] = await Promise.all(
      parts.map((part, at) => this.#ask(view, part, withDocument && at === 0, timeoutMs)),
    );
    const missed = withDocument ? frozen?.[0] : undefined;
    if (missed !== undefined) {
      const entry = targets.find((target) => target.entry.id === missed.shard)?.entry as LeafShard;
      throw needsRestore(entry, view.log.scope.collection, "read document");
    }
    return rows ?? [];
  }

  async #ask(
    { log: { scope } }: CollectionView,
    shards: LookupRequest["shards"],
    withDocument: boolean,
    timeoutMs: number,
  ): Promise<readonly LeafRow[]> {
    if (shards.length === 0) return [];
    const reply = await this.#leaves.ask({ kind: "lookup", scope, shards, withDocument }, timeoutMs);
    const [failure] = reply.failed;
    if (failure !== undefined) throw lookupError(failure.error);
    return reply.rows;
  }
}

const isReadable = (target: ShardTarget): boolean => !isFrozenTarget(target);
const withRanks = (ranks: ObjectRef | undefined): Pick<ShardTarget, "ranks"> => (ranks === undefined ? {} : { ranks });
