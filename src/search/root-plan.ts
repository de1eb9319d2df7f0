import { deserializeError, type MosaicError, type SerializedError } from "../base/index.ts";
import type { Manifest } from "../manifest/index.ts";
import { type CellVisits, type QueryHistory, recallTargets, type Selection, selectCells } from "../selection/index.ts";
import { cellRows } from "../shard/index.ts";
import {
  isFrozenTarget,
  type LeafHit,
  type LeafReply,
  noWork,
  type ShardTarget,
  type VectorRequest,
} from "./leaf-request.ts";
import { type Moment, matchingRows, readable } from "./moment.ts";
import { exactScore } from "./similarity.ts";
import type { FailedShard, ShardPlan, VectorQuery } from "./vector-query.ts";

/** Failures after which an older manifest, not damage, may be the reason. */
export const goneCodes: ReadonlySet<string> = new Set([
  "object_missing",
  "shard_damaged",
  "deletes_damaged",
  "ranks_damaged",
]);

export const emptyReply: LeafReply = { hits: [], rows: [], failed: [], work: noWork };

/** Documents of the tail, scored where they are. */
export function scoreTail(
  { snapshot, tail }: Moment,
  query: VectorQuery,
): { hits: readonly LeafHit[]; scored: number } {
  const { distance } = snapshot.manifest.settings;
  const hits: LeafHit[] = [];
  for (const { id, vector, text, metadata, createdAt, updatedAt } of tail) {
    if (vector === null) continue;
    const document = query.withText ? { text, metadata, createdAt, updatedAt } : null;
    hits.push({
      id,
      score: exactScore(distance, query.vector, vector),
      document,
      vector: query.withVector ? vector : null,
    });
  }
  return { hits, scored: hits.length };
}

export interface VectorPlan {
  readonly request: VectorRequest;
  /** Of all shards of the moment. */
  readonly selection: Selection;
  /** Shards that would be visited, could they be read. */
  readonly frozen: readonly ShardTarget[];
}

/**
 * The request for all leaves together; the transport splits it. Frozen shards that the selection would leave out anyway
 * change nothing. When it would visit one, the others are selected as if there were no frozen ones.
 */
export function plan(moment: Moment, query: VectorQuery, history: QueryHistory): VectorPlan {
  const whole = planAll(moment, query, history);
  const { targets } = moment.snapshot;
  const frozen = targets.filter((target, at) => isFrozenTarget(target) && whole.selection.shards[at]?.kept);
  if (frozen.length === 0) return { ...whole, frozen };
  const rest = planAll(readable(moment), query, history);
  const readables = rest.selection.shards[Symbol.iterator]();
  const shards = targets.map((target, at) => {
    const own = isFrozenTarget(target) ? whole.selection.shards[at] : readables.next().value;
    return own ?? { kept: false, reason: "empty", cells: 0 };
  });
  return { request: rest.request, selection: { ...rest.selection, shards }, frozen };
}

/** Only cosine has codes; the others scan exactly. */
function planAll(moment: Moment, query: VectorQuery, history: QueryHistory): Omit<VectorPlan, "frozen"> {
  const { view, snapshot } = moment;
  const { manifest, scope, targets } = snapshot;
  const { distance } = manifest.settings;
  const target = query.recall === "exact" || distance !== "cosine" ? undefined : recallTargets[query.recall];
  const index = view.cellsOf(manifest);
  const matching = matchingOfCells(moment);
  const { vector, shardLimit } = query;
  const preferred = shardLimit === undefined ? undefined : preferredShards(manifest, vector, history);
  const selection = selectCells({ index, query: vector, distance, target, shardLimit, preferred, matching });
  const wanted = query.limit + query.offset;
  const keptAt = new Map<number, number>();
  selection.shards.forEach(({ kept }, at) => {
    if (kept) keptAt.set(at, keptAt.size);
  });
  const perResult = query.asCandidates ? target?.rescorePerCandidate : target?.rescorePerResult;
  const rescore = Math.max(target?.rescoreLeast ?? 0, wanted * (perResult ?? 0));
  const few = matching !== undefined && matching.reduce((sum, rows) => sum + rows, 0) <= rescore;
  const mode = few ? "rows" : target === undefined ? "exact" : "codes";
  const request: VectorRequest = {
    kind: "vector",
    scope,
    shards: targets.filter((_target, at) => keptAt.has(at)),
    query: query.vector,
    distance,
    mode,
    visits: renumbered(selection.visits, keptAt),
    limit: wanted,
    rescore,
    rescoreMargin: (target?.rescoreMargin ?? 0) / Math.sqrt(query.vector.length),
    withText: query.withText,
    withVector: query.withVector,
  };
  return { request, selection };
}

/** By number; shards that were compacted away are forgotten. */
function preferredShards({ shards }: Manifest, vector: Float32Array, history: QueryHistory): readonly number[] {
  const numbers = new Map<string, number>(shards.map(({ id }, at) => [id, at]));
  return history.preferred(vector).flatMap((id) => numbers.get(id) ?? []);
}

/** The same visits, with shards numbered as `place` says. */
function renumbered(visits: CellVisits, place: ReadonlyMap<number, number>): CellVisits {
  return { ...visits, shard: visits.shard.map((shard) => place.get(shard) as number) };
}

/** Rows of each cell that fulfil the filter, in the order of the cell index; undefined without a filter. */
function matchingOfCells({ view, snapshot: { manifest, targets }, filter }: Moment): Uint32Array | undefined {
  if (filter === undefined) return undefined;
  const index = view.cellsOf(manifest);
  return Uint32Array.from(index.shard, (shard, at) => {
    const first = (index.cell[at] as number) * cellRows;
    return matchingRows(targets[shard] as ShardTarget, first, first + (index.rows[at] as number));
  });
}

const strategies = {
  rows: "rows of the filter, float32 scoring",
  exact: "int8 scan with bound, float32 rescoring",
  codes: "code scan, float32 rescoring",
} as const;

export function shardPlans(
  { snapshot: { manifest, targets }, filter }: Moment,
  selection: Selection,
  mode: VectorRequest["mode"],
): readonly ShardPlan[] {
  return manifest.shards.map(({ id, documents, cells }, at) => {
    const { kept = false, reason = "empty", cells: cellsSelected = 0 } = selection.shards[at] ?? {};
    const strategy = !kept
      ? "none"
      : isFrozenTarget(targets[at] as ShardTarget)
        ? "none: archived, to be restored first"
        : mode === "codes" && filter !== undefined
          ? `filtered ${strategies.codes}`
          : strategies[mode];
    const matching = filter === undefined ? undefined : matchingRows(targets[at] as ShardTarget);
    const means = filter?.means.get(id);
    return { shard: id, kept, reason, documents, cells, cellsSelected, strategy, matching, filter: means };
  });
}

export const failedShard = ({ shard, error }: { shard: string; error: SerializedError }): FailedShard => ({
  shard,
  code: error.code,
  detail: error.detail,
});

export const lookupError = (error: SerializedError): MosaicError => deserializeError(error);
