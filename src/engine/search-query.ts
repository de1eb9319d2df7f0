import { defaultRanker, type Ranker, type Scorer } from "../ranking/index.ts";
import type { DocumentExpression } from "../sql/index.ts";
import { Analyzer, parseTextQuery, type TextQuery } from "../text/index.ts";
import type { RankerSpec, SearchRequest } from "./api.ts";
import { checkRanker } from "./check-ranker.ts";
import type { SearchKind } from "./check-search.ts";
import type { Collection } from "./collection.ts";
import type { Reads } from "./reads.ts";
import type { SearchParts } from "./search-parts.ts";

/** A query with everything that it needs, before any moment of the collection is looked at. */
export interface Query {
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

/** Throws `invalid` for a condition, ranker or vector that is wrong; embeds the query where that is needed. */
export async function prepareQuery(
  { parts, reads, sql }: SearchParts,
  collection: Collection,
  request: SearchRequest,
  kind: SearchKind,
): Promise<Query> {
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
    vector: await vectorOf(reads, collection, request, kind, ranker, text),
    timeoutMs: Math.min(request.timeout_ms ?? Number.POSITIVE_INFINITY, parts.settings.shardTimeoutMs),
  };
}

/** Undefined where the query can do without one: hybrid search in a collection without a model, ranking by words alone. */
async function vectorOf(
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

export const has = ({ scorers }: Ranker, name: Scorer["name"]): boolean =>
  scorers.some((scorer) => scorer.name === name);
