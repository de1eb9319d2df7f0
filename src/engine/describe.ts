import { isFrozen, type Manifest, needsRestoreCode, type ShardEntry } from "../manifest/index.ts";
import { type SqlAnswer, toWire } from "../sql/index.ts";
import { type Receipt, usdOf } from "../telemetry/index.ts";
import type {
  CollectionInfo,
  CollectionStats,
  Metadata,
  QueryCost,
  RankerSpec,
  SearchHit,
  SearchRequest,
  SearchResponse,
  SqlPlanInfo,
  SqlResponse,
} from "./api.ts";
import type { Collection, LocalFiles } from "./collection.ts";
import type { RankedHit, SearchAnswer } from "./search-answer.ts";

export function describeCollection(collection: Collection, documents: number): CollectionInfo {
  const { manifest, scope } = collection.log;
  const { dimensions, distance, embeddingModel, precision, language, clusterBy, shardMaxDocs, ranker } =
    manifest.settings;
  return {
    name: scope.collection,
    created_at: manifest.createdAt,
    dimensions,
    distance,
    embedding_model: embeddingModel,
    precision,
    language,
    cluster_by: clusterBy,
    shard_max_docs: shardMaxDocs,
    ranker: (ranker as RankerSpec | undefined) ?? null,
    archive_after_days: manifest.settings.archiveAfterDays ?? null,
    archive_class: manifest.settings.archiveClass ?? null,
    documents,
  };
}

export function describeStats(collection: Collection, documents: number, localObjects: LocalFiles): CollectionStats {
  const { manifest, tail } = collection.log;
  return {
    documents,
    deleted: manifest.shards.reduce((sum, { deletes }) => sum + (deletes?.count ?? 0), 0),
    bytes: bytesOf(manifest) + tail.bytes,
    generation: manifest.generation,
    shards: manifest.shards.map((shard) => ({
      id: shard.id,
      status: shard.archived === undefined ? shard.status : "archived",
      storage_class: shard.archived?.storageClass ?? "STANDARD",
      archived: shard.archived === undefined ? null : describeArchived(shard),
      documents: shard.documents,
      deleted: shard.deletes?.count ?? 0,
      bytes: shard.file.sizeBytes,
      created_at: shard.createdAt,
    })),
    shards_by_status: {
      ...Object.fromEntries(
        ["active", "sealed", "compacted"].map((status) => [
          status,
          manifest.shards.filter((shard) => shard.status === status && shard.archived === undefined).length,
        ]),
      ),
      archived: manifest.shards.filter((shard) => shard.archived !== undefined).length,
      quarantined: manifest.quarantined.length,
    },
    bytes_by_class: bytesByClass(manifest),
    wal: {
      segments: tail.segments,
      bytes: tail.bytes,
      last_sequence: tail.lastSequence,
      folded_through: manifest.foldedThrough,
    },
    cache: { bytes: localObjects.bytes, files: localObjects.count },
    last_fold_at: manifest.foldedAt,
    last_compaction_at: manifest.compactedAt,
    last_pagerank_at: manifest.rankedAt ?? null,
  };
}

const bytesOf = ({ shards }: Manifest): number =>
  shards.reduce(
    (sum, { file, summary, deletes, archived, ranks }) =>
      sum + [file, summary, deletes, archived?.stub, ranks].reduce((bytes, ref) => bytes + (ref?.sizeBytes ?? 0), 0),
    0,
  );

const describeArchived = (shard: ShardEntry): CollectionStats["shards"][number]["archived"] => ({
  at: shard.archived?.at ?? "",
  needs_restore: isFrozen(shard),
  restore_asked_at: shard.archived?.restoreAskedAt ?? null,
  stub_bytes: shard.archived?.stub?.sizeBytes ?? 0,
});

/** Bytes of shard files by storage class: each has its price. */
function bytesByClass({ shards }: Manifest): Readonly<Record<string, number>> {
  const bytes: Record<string, number> = {};
  for (const { file, archived } of shards) {
    const name = archived?.storageClass ?? "STANDARD";
    bytes[name] = (bytes[name] ?? 0) + file.sizeBytes;
  }
  return bytes;
}

export interface AnswerCost {
  readonly receipt: Receipt;
  readonly tookMs: number;
  readonly remote: boolean;
}

export function describeAnswer(
  answer: SearchAnswer,
  request: SearchRequest,
  { receipt, tookMs, remote }: AnswerCost,
): SearchResponse {
  const { work, plan, failed } = answer;
  const stats = {
    took_ms: round(tookMs, 3),
    shards_total: plan.shards.length,
    shards_searched: answer.shardsSearched,
    documents_scored: work.rowsScanned + work.tailDocuments,
    cells_total: answer.cellsTotal,
    cells_searched: work.cellsSearched,
    rows_rescored: work.rowsRescored,
    cost: describeCost(receipt, remote),
  };
  const results = answer.hits.map((hit) => describeHit(hit, request));
  const response = { results, degraded: failed.length > 0, failed_shards: failed, stats };
  return request.explain ? { ...response, plan: describePlan(answer, request) } : response;
}

const describeCost = (receipt: Receipt, remote: boolean): QueryCost => ({
  get_requests: receipt.getRequests,
  put_requests: receipt.putRequests,
  list_requests: receipt.listRequests,
  bytes_fetched: receipt.bytesFetched,
  cache_hits: receipt.cacheHits,
  compute_ms: round(receipt.computeMs, 3),
  usd: Number(usdOf(receipt, remote).toPrecision(4)),
});

export function describeSql(answer: SqlAnswer, explain: boolean, { receipt, tookMs, remote }: AnswerCost): SqlResponse {
  const { columns, rows, failed, shards, gatheredRows, gatheredBytes } = answer;
  const unread = new Set(failed.flatMap(({ shard, error }) => (error.code === needsRestoreCode ? [shard] : [])));
  const response = {
    columns: columns.map((name) => ({ name })),
    rows: rows.map((row) => row.map(toWire)),
    row_count: rows.length,
    degraded: failed.length > 0,
    failed_shards: failed.map(({ shard, error: { code, detail } }) => ({ shard, code, detail })),
    stats: {
      took_ms: round(tookMs, 3),
      shards_total: shards.length,
      shards_searched: shards.filter(({ shard, kept }) => kept && !unread.has(shard)).length,
      rows_gathered: gatheredRows,
      bytes_gathered: gatheredBytes,
      cost: describeCost(receipt, remote),
    },
  };
  return explain || answer.explained ? { ...response, plan: describeSqlPlan(answer) } : response;
}

const describeSqlPlan = ({ plan, shards, tailDocuments }: SqlAnswer): SqlPlanInfo => ({
  strategy: plan.strategy,
  leaf: plan.leaf?.sql ?? null,
  root: plan.rootSql,
  pushed: plan.leaf?.pushed ?? [],
  columns: plan.leaf?.columns ?? [],
  tail_documents: tailDocuments,
  shards,
});

export function describeHit(
  { id, score, document, vector, scores, contributions, highlights }: RankedHit,
  { include }: SearchRequest,
): SearchHit {
  return {
    id,
    score,
    ...(document !== null && include.includes("text") ? { text: document.text } : {}),
    ...(document !== null && include.includes("metadata")
      ? { metadata: JSON.parse(document.metadata) as Metadata }
      : {}),
    ...(document === null ? {} : { created_at: document.createdAt }),
    ...(vector === null ? {} : { embedding: [...vector] }),
    ...(scores === undefined ? {} : { scores }),
    ...(contributions === undefined ? {} : { contributions }),
    ...(highlights === undefined ? {} : { highlights }),
  };
}

const describePlan = (
  { plan, work }: SearchAnswer,
  { recall }: SearchRequest,
): NonNullable<SearchResponse["plan"]> => ({
  generation: plan.generation,
  recall,
  tail_documents: work.tailDocuments,
  shards: plan.shards.map(({ cellsSelected, matching, filter, ...shard }) => ({
    ...shard,
    cells_selected: cellsSelected,
    ...(matching === undefined ? {} : { matching, selectivity: round(matching / shard.documents, 6) }),
    ...(filter === undefined ? {} : { filter }),
  })),
});

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
