import { asMosaicError, isMosaicError, serializeError } from "../base/index.ts";
import { addWork, type LeafReply, type LeafRequest, noWork } from "./leaf-request.ts";

export const nothingFound: LeafReply = { hits: [], rows: [], failed: [], work: noWork };

/** The reply of a part that could not be asked. */
export function allFailed(part: LeafRequest, error: unknown): LeafReply {
  const serialized = serializeError(isMosaicError(error) ? error : asMosaicError(error, "search shards"));
  return {
    hits: [],
    rows: [],
    failed: part.shards.map(({ entry }) => ({ shard: entry.id, error: serialized })),
    work: noWork,
  };
}

/** Two parts of a request, answered. */
export const mergeReplies = (a: LeafReply, b: LeafReply): LeafReply => ({
  hits: [...a.hits, ...b.hits],
  rows: [...a.rows, ...b.rows],
  dead: [...(a.dead ?? []), ...(b.dead ?? [])],
  features: [...(a.features ?? []), ...(b.features ?? [])],
  columns: [...(a.columns ?? []), ...(b.columns ?? [])],
  failed: [...a.failed, ...b.failed],
  work: addWork(a.work, b.work),
});
