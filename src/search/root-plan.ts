import { deserializeError, type MosaicError, type SerializedError } from "../base/index.ts";
import type { Distance } from "../manifest/index.ts";
import { type CellVisits, recallTargets, type Selection, selectCells } from "../selection/index.ts";
import type { CollectionView, Snapshot } from "./collection-view.ts";
import type { LeafHit, LeafReply, VectorRequest } from "./leaf-request.ts";
import { noWork } from "./leaf-request.ts";
import { exactScore } from "./similarity.ts";
import type { FailedShard, ShardPlan, VectorQuery } from "./vector-query.ts";

/** Failures after which an older manifest, not damage, may be the reason. */
export const goneCodes: ReadonlySet<string> = new Set(["object_missing", "shard_damaged", "deletes_damaged"]);

export const emptyReply: LeafReply = { hits: [], rows: [], failed: [], work: noWork };

/** Documents of the tail, scored where they are. */
export function scoreTail(
  view: CollectionView,
  distance: Distance,
  query: VectorQuery,
): { hits: readonly LeafHit[]; scored: number } {
  const hits: LeafHit[] = [];
  for (const { id, vector, text, metadata, createdAt, updatedAt } of view.log.tail.upserts()) {
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

/** The request for all leaves together; the transport splits it. Only cosine has codes; the others scan exactly. */
export function plan(
  view: CollectionView,
  snapshot: Snapshot,
  query: VectorQuery,
): { request: VectorRequest; selection: Selection } {
  const { manifest, scope, targets } = snapshot;
  const { distance } = manifest.settings;
  const target = query.recall === "exact" || distance !== "cosine" ? undefined : recallTargets[query.recall];
  const index = view.cellsOf(manifest);
  const selection = selectCells({ index, query: query.vector, distance, target, shardLimit: query.shardLimit });
  const wanted = query.limit + query.offset;
  const keptAt = new Map<number, number>();
  selection.shards.forEach(({ kept }, at) => {
    if (kept) keptAt.set(at, keptAt.size);
  });
  const request: VectorRequest = {
    kind: "vector",
    scope,
    shards: targets.filter((_target, at) => keptAt.has(at)),
    query: query.vector,
    distance,
    mode: target === undefined ? "exact" : "codes",
    visits: renumbered(selection.visits, keptAt),
    limit: wanted,
    rescore: Math.max(target?.rescoreLeast ?? 0, wanted * (target?.rescorePerResult ?? 0)),
    rescoreMargin: (target?.rescoreMargin ?? 0) / Math.sqrt(query.vector.length),
    withText: query.withText,
    withVector: query.withVector,
  };
  return { request, selection };
}

/** The same visits, with shards numbered as `place` says. */
function renumbered(visits: CellVisits, place: ReadonlyMap<number, number>): CellVisits {
  return { ...visits, shard: visits.shard.map((shard) => place.get(shard) as number) };
}

export function shardPlans(
  { manifest }: Snapshot,
  selection: Selection,
  mode: "codes" | "exact",
): readonly ShardPlan[] {
  return manifest.shards.map(({ id, documents, cells }, at) => {
    const { kept = false, reason = "empty", cells: cellsSelected = 0 } = selection.shards[at] ?? {};
    const strategy = !kept
      ? "none"
      : mode === "exact"
        ? "int8 scan with bound, float32 rescoring"
        : "code scan, float32 rescoring";
    return { shard: id, kept, reason, documents, cells, cellsSelected, strategy };
  });
}

export const failedShard = ({ shard, error }: { shard: string; error: SerializedError }): FailedShard => ({
  shard,
  code: error.code,
  detail: error.detail,
});

export const lookupError = (error: SerializedError): MosaicError => deserializeError(error);
