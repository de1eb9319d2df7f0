/** The shapes of answers, for the OpenAPI document; tests hold real answers against them. */
import { z } from "@hono/zod-openapi";

const count = z.int().min(0);

export const fieldFault = z
  .strictObject({
    pointer: z.string().optional().openapi({ description: "Where in the body (RFC 6901).", example: "/limit" }),
    parameter: z
      .string()
      .optional()
      .openapi({ description: "Which parameter of the query string.", example: "collection" }),
    code: z.string(),
    detail: z.string(),
  })
  .openapi("Fault");

export const batchProblem = z
  .strictObject({
    index: count.openapi({
      description: "Place in the batch, from 0; in NDJSON the line, from 0, blank lines counted.",
    }),
    id: z.string().optional(),
    code: z.string().openapi({ example: "invalid_timestamp" }),
    detail: z.string(),
  })
  .openapi("BatchProblem");

export const problem = z
  .looseObject({
    type: z.string().openapi({ description: "Where the code is explained.", example: "/docs#document_not_found" }),
    title: z.string().openapi({ example: "Document not found" }),
    status: z.int().openapi({ example: 404 }),
    code: z.string().openapi({ description: "A stable word to switch on.", example: "document_not_found" }),
    detail: z.string().openapi({ description: "What to do." }),
    errors: z.array(z.union([fieldFault, batchProblem])).optional(),
    accepted: count.optional().openapi({ description: "NDJSON only: documents stored before the failure." }),
    next_index: count.optional().openapi({ description: "NDJSON only: send the lines from this one on again." }),
  })
  .openapi("Problem");

export const writeResult = z
  .strictObject({
    id: z.string(),
    version: z.string().openapi({ description: "Grows with every write to the collection." }),
  })
  .openapi("WriteResult", { example: { id: "doc1", version: "7.0" } });

export const batchResult = z
  .strictObject({
    accepted: count.openapi({ description: "Documents stored: durable, and visible to the next query." }),
    errors: z.array(batchProblem),
    errors_omitted: count.optional().openapi({ description: "NDJSON only: errors beyond the first 10,000." }),
  })
  .openapi("BatchResult", {
    example: { accepted: 1, errors: [{ index: 1, id: "b", code: "invalid_timestamp", detail: "A time is ISO 8601." }] },
  });

const anyObject = z.record(z.string(), z.unknown());

export const storedDocument = z
  .strictObject({
    id: z.string(),
    text: z.string(),
    metadata: anyObject,
    created_at: z.string(),
    updated_at: z.string(),
    embedding: z.array(z.number()).optional(),
  })
  .openapi("Document", {
    example: {
      id: "doc1",
      text: "Vector search you can query with SQL.",
      metadata: { source: "handbook" },
      created_at: "2024-03-01 10:00:00",
      updated_at: "2024-03-01 10:00:00",
    },
  });

const hit = z
  .strictObject({
    id: z.string(),
    score: z.number(),
    text: z.string().optional(),
    metadata: anyObject.optional(),
    created_at: z.string().optional(),
    embedding: z.array(z.number()).optional(),
    scores: z
      .record(z.string(), z.number())
      .optional()
      .openapi({ description: "What each scorer says; `fused` is the score." }),
    contributions: z
      .record(z.string(), z.number())
      .optional()
      .openapi({ description: "What each scorer adds to the score." }),
    highlights: z.array(z.string()).optional().openapi({
      description: "The best passage, its terms between `<mark>` and `</mark>`; the rest of it is the text as it is.",
    }),
  })
  .openapi("Hit");

const cost = z.strictObject({
  get_requests: count,
  put_requests: count,
  list_requests: count,
  bytes_fetched: count,
  cache_hits: count,
  compute_ms: z.number(),
  usd: z.number(),
});

const stats = z
  .strictObject({
    took_ms: z.number(),
    shards_total: count,
    shards_searched: count,
    documents_scored: count,
    cells_total: count,
    cells_searched: count,
    rows_rescored: count,
    cost,
  })
  .openapi("QueryStats");

const plan = z
  .strictObject({
    generation: count,
    recall: z.string(),
    tail_documents: count,
    shards: z.array(
      z.strictObject({
        shard: z.string(),
        kept: z.boolean(),
        reason: z.string().openapi({ description: "The signal that kept or dropped it." }),
        documents: count,
        cells: count,
        cells_selected: count,
        strategy: z.string(),
        matching: count.optional().openapi({ description: "Rows that fulfil `where`." }),
        selectivity: z.number().optional().openapi({ description: "Their share of the shard's rows." }),
        filter: z.string().optional().openapi({
          description: "How they were found: `columns` of codes, or `SQL`, which costs more when a filter is new.",
        }),
      }),
    ),
  })
  .openapi("Plan");

export const searchResult = z
  .strictObject({
    results: z.array(hit),
    degraded: z.boolean().openapi({ description: "True when some shards did not answer." }),
    failed_shards: z.array(z.strictObject({ shard: z.string(), code: z.string(), detail: z.string() })),
    stats,
    plan: plan.optional(),
  })
  .openapi("SearchResult");

const sqlValue = z
  .union([
    z.null(),
    z.number(),
    z.string(),
    z.strictObject({ $int: z.string() }),
    z.strictObject({ $blob: z.string() }),
  ])
  .openapi({ description: 'Integers beyond 2^53 are `{"$int"}`, blobs `{"$blob"}` in base64.' });

export const sqlResult = z
  .strictObject({
    columns: z.array(z.strictObject({ name: z.string() })),
    rows: z.array(z.array(sqlValue)),
    row_count: count,
    degraded: z.boolean().openapi({ description: "True when some shards did not answer." }),
    failed_shards: z.array(z.strictObject({ shard: z.string(), code: z.string(), detail: z.string() })),
    stats: z.strictObject({
      took_ms: z.number(),
      shards_total: count,
      shards_searched: count,
      rows_gathered: count.openapi({ description: "Rows that shards gave for the last step." }),
      bytes_gathered: count,
      cost,
    }),
    plan: z
      .strictObject({
        strategy: z.string().openapi({ description: "`split`, `push`, `gather`, or `none`: no document is read." }),
        leaf: z.string().nullable(),
        root: z.string(),
        pushed: z.array(z.string()),
        columns: z.array(z.string()),
        tail_documents: count,
        shards: z.array(z.strictObject({ shard: z.string(), kept: z.boolean(), reason: z.string(), documents: count })),
      })
      .optional(),
  })
  .openapi("SqlResult");

/** A line of a stream of results. */
export const streamLine = z
  .union([
    hit,
    z.strictObject({
      done: z.literal(true),
      degraded: z.boolean(),
      failed_shards: z.array(z.strictObject({ shard: z.string(), code: z.string(), detail: z.string() })),
      stats,
    }),
    z.strictObject({ error: problem }),
  ])
  .openapi("StreamLine");

export const collectionInfo = z
  .strictObject({
    name: z.string(),
    created_at: z.string(),
    dimensions: z.int().nullable().openapi({ description: "Null until the first vector fixes it." }),
    distance: z.enum(["cosine", "l2", "dot"]),
    embedding_model: z.string(),
    precision: z.enum(["float32", "int8"]),
    language: z.string(),
    cluster_by: z.string(),
    shard_max_docs: z.int(),
    ranker: z.unknown().openapi({ description: "Null: the default of each kind of search." }),
    archive_after_days: z.int().nullable().openapi({ description: "Null: the server's ARCHIVE_AFTER_DAYS." }),
    archive_class: z.string().nullable().openapi({ description: "Null: the server's ARCHIVE_CLASS." }),
    documents: count,
  })
  .openapi("Collection");

export const collectionList = z
  .strictObject({
    collections: z.array(collectionInfo),
    unreadable: z.array(z.strictObject({ name: z.string(), code: z.string(), detail: z.string() })),
  })
  .openapi("CollectionList");

export const collectionStats = z
  .strictObject({
    documents: count,
    deleted: count,
    bytes: count,
    generation: count,
    shards: z.array(
      z.strictObject({
        id: z.string(),
        status: z.string().openapi({ description: "`active`, `sealed`, `compacted` or `archived`." }),
        storage_class: z.string(),
        archived: z
          .strictObject({
            at: z.string(),
            needs_restore: z.boolean().openapi({ description: "True: answers go without it until it is restored." }),
            restore_asked_at: z.string().nullable(),
            stub_bytes: count,
          })
          .nullable(),
        documents: count,
        deleted: count,
        bytes: count,
        created_at: z.strictObject({ min: z.string(), max: z.string() }).nullable(),
      }),
    ),
    shards_by_status: z.record(z.string(), count),
    bytes_by_class: z.record(z.string(), count).openapi({ description: "Of shard files, by storage class." }),
    wal: z.strictObject({ segments: count, bytes: count, last_sequence: count, folded_through: count }),
    cache: z.strictObject({ bytes: count, files: count }),
    last_fold_at: z.string().nullable(),
    last_compaction_at: z.string().nullable(),
    last_pagerank_at: z.string().nullable(),
  })
  .openapi("CollectionStats");

export const job = z
  .strictObject({
    id: z.string(),
    kind: z.string().openapi({ example: "compact" }),
    collection: z.string(),
    status: z.enum(["running", "done", "failed", "cancelled"]),
    created_at: z.string(),
    updated_at: z.string(),
    waits_until: z.string().nullable().openapi({
      description: "Nothing happens before this time: the job goes on by itself then. Null while it waits for nothing.",
    }),
    progress: z.strictObject({ done: count, total: count, unit: z.string() }),
    result: z.record(z.string(), z.number()).nullable().openapi({ description: "Of a job that is done." }),
    error: z.strictObject({ code: z.string(), detail: z.string() }).nullable(),
  })
  .openapi("Job");
export const startedJob = z.strictObject({ job }).openapi("StartedJob");

export const garbageReport = z
  .strictObject({
    orphans: z
      .array(z.strictObject({ key: z.string(), bytes: count }))
      .openapi({ description: "Objects that nothing names: a process that was killed left them." }),
    bytes: count.openapi({ description: "Of the orphans." }),
    condemned: count.openapi({ description: "Objects that only older generations need." }),
    collected: z.boolean().openapi({ description: "False: nothing was changed." }),
  })
  .openapi("GarbageReport");

export const deletedDocument = z.strictObject({ id: z.string(), deleted: z.literal(true) }).openapi("DeletedDocument");
export const deletedCollection = z
  .strictObject({ name: z.string(), deleted: z.literal(true) })
  .openapi("DeletedCollection");
export const health = z
  .strictObject({ status: z.enum(["ok", "ready"]), version: z.string() })
  .openapi("Health", { example: { status: "ok", version: "0.1.0" } });
