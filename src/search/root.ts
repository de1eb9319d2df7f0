import type { Clock } from "../base/index.ts";
import type { Manifest } from "../manifest/index.ts";
import { currentReceipt } from "../telemetry/index.ts";
import type { CollectionView } from "./collection-view.ts";
import { type LeafRow, leafShard, type ShardTarget } from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import { emptyReply, failedShard, goneCodes, lookupError, plan, scoreTail, shardPlans } from "./root-plan.ts";
import { byScore } from "./similarity.ts";
import type { VectorAnswer, VectorQuery } from "./vector-query.ts";

/** Plans a query, fans it out to leaves, merges what comes back. */
export class Root {
  readonly #leaves: LeafTransport;
  readonly #clock: Clock;

  constructor(leaves: LeafTransport, clock: Clock) {
    this.#leaves = leaves;
    this.#clock = clock;
  }

  async search(view: CollectionView, query: VectorQuery): Promise<VectorAnswer> {
    await view.refresh(query.consistency);
    const answer = await this.#searchOnce(view, query);
    // Objects of an old manifest may be gone; the newest one names what replaced them.
    if (!answer.failed.some(({ code }) => goneCodes.has(code))) return answer;
    const { generation } = answer.plan;
    await view.refresh("strong");
    return view.log.manifest.generation === generation ? answer : await this.#searchOnce(view, query);
  }

  async #searchOnce(view: CollectionView, query: VectorQuery): Promise<VectorAnswer> {
    const startedMs = this.#clock.monotonicMs();
    const snapshot = view.snapshot();
    const tail = scoreTail(view, snapshot.manifest.settings.distance, query); // in the same turn as the snapshot
    const { request, selection } = plan(view, snapshot, query);
    const rootMs = this.#clock.monotonicMs() - startedMs;
    const reply = request.shards.length === 0 ? emptyReply : await this.#leaves.ask(request, query.timeoutMs);
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.computeMs += reply.work.computeMs + rootMs;
    const merged = [...tail.hits, ...reply.hits].sort(byScore);
    const good = merged.filter(({ score }) => query.minScore === undefined || score >= query.minScore);
    return {
      hits: good.slice(query.offset, query.offset + query.limit),
      failed: reply.failed.map(failedShard),
      work: { ...reply.work, tailDocuments: tail.scored },
      plan: { generation: snapshot.manifest.generation, shards: shardPlans(snapshot, selection, request.mode) },
      shardsSearched: selection.shards.filter(({ kept }) => kept).length,
      cellsTotal: snapshot.manifest.shards.reduce((sum, { cells }) => sum + cells, 0),
    };
  }

  /** The live row of each id that has one in a shard; ids that the tail knows are the caller's business. */
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
    if (shards.length === 0) return [];
    const { scope } = view.log;
    const reply = await this.#leaves.ask({ kind: "lookup", scope, shards, withDocument }, timeoutMs);
    const [failure] = reply.failed;
    if (failure !== undefined) throw lookupError(failure.error);
    return reply.rows;
  }
}
