import type { Moment, VectorQuery } from "../search/index.ts";
import { highlighted, wantsText } from "./result-pages.ts";
import type { SearchAnswer } from "./search-answer.ts";
import type { SearchParts } from "./search-parts.ts";
import type { Query } from "./search-query.ts";

/** By vector similarity alone. `full`: as they are answered, and not as candidates. */
export async function nearestTo(
  { root }: Pick<SearchParts, "root">,
  moment: Moment,
  query: Query,
  limit: number,
  offset: number,
  full = true,
): Promise<SearchAnswer> {
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
    asCandidates: !full,
    withText: full && wantsText(include),
    withVector: full && include.includes("embedding"),
  };
  const answer = await root.searchAt(moment, asked);
  if (!full) return answer;
  const hits = answer.hits.map((hit) => ({
    ...hit,
    ...(include.includes("scores") ? { scores: { vector_similarity: hit.score, fused: hit.score } } : {}),
  }));
  return { ...answer, hits: highlighted(hits, query, undefined) };
}
