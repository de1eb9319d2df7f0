/**
 * The shapes of requests. The same objects validate what arrives and write the OpenAPI document, so neither can say
 * more than the other. Answers are in answers.ts.
 */
import { z } from "@hono/zod-openapi";
import {
  archiveClasses,
  collectionName,
  documentId,
  isMosaicError,
  MosaicError,
  maxDimensions,
  maxMetadataDepth,
  parseTimestamp,
  restoreSpeeds,
} from "../base/index.ts";
import type { Metadata } from "../engine/index.ts";
import { isMetadata } from "./metadata.ts";

/** A string that `check` lets pass; the code and detail of its MosaicError become the fault's. */
const checked = (check: (text: string) => unknown): z.ZodString =>
  z.string().superRefine((text, context) => {
    try {
      check(text);
    } catch (error) {
      if (!isMosaicError(error)) throw error;
      context.addIssue({ code: "custom", message: error.detail, params: { code: error.code } });
    }
  });

function timestamp(text: string): void {
  if (parseTimestamp(text) !== undefined) return;
  const detail = "A time is ISO 8601, for example 2024-03-01T10:00:00Z.";
  throw new MosaicError("invalid", "read a time", { code: "invalid_timestamp", detail });
}

export const collection = checked(collectionName).openapi({
  description: "Name of the collection. It is created by the first write.",
  pattern: "^[a-z0-9][a-z0-9_-]{0,62}$",
  default: "documents",
  example: "documents",
});

export const id = checked(documentId).openapi({
  description: "Any Unicode without NUL, 1 to 512 bytes of UTF-8.",
  minLength: 1,
  maxLength: 512,
  example: "doc1",
});

const text = z.string().openapi({
  description: "What is embedded and searched. At most MAX_TEXT_BYTES (1 MiB by default) of UTF-8.",
  example: "Vector search you can query with SQL.",
});

const vector = z
  .array(z.number())
  .min(1)
  .max(maxDimensions)
  .openapi({ description: "Finite numbers, as many as the collection has dimensions.", example: [0.1, -0.2, 0.3] });

const metadata = z.custom<Metadata>(isMetadata, {
  error: `Metadata is a JSON object of finite numbers, nested at most ${maxMetadataDepth} deep.`,
});
const metadataDocs = {
  type: "object",
  additionalProperties: true,
  example: { source: "handbook", year: 2024 },
} as const;

const createdAt = checked(timestamp).openapi({
  description: "ISO 8601; without a zone it is UTC. Kept as UTC `YYYY-MM-DD HH:MM:SS[.SSS]`. Now, when left out.",
  example: "2024-03-01T10:00:00Z",
});

const documentFields = {
  id: id.optional().openapi({ description: "Made by the server when left out. An id that exists is replaced." }),
  text,
  metadata: metadata.optional().openapi({ ...metadataDocs, description: "Any JSON object." }),
  embedding: vector.optional().openapi({ description: "Your own vector; otherwise the text is embedded here." }),
  created_at: createdAt.optional(),
};

export const documentInput = z.strictObject(documentFields).openapi("DocumentInput", {
  example: { id: "doc1", text: "Vector search you can query with SQL.", metadata: { source: "handbook" } },
});

export const putBody = z.strictObject({ ...documentFields, collection: collection.optional() }).openapi("PutDocument", {
  example: {
    id: "doc1",
    text: "Vector search you can query with SQL.",
    metadata: { source: "handbook" },
    created_at: "2024-03-01T10:00:00Z",
  },
});

const batchNote = "At most MAX_BATCH_DOCS (1000 by default). Each is judged on its own.";
/** Only the frame: each document is judged by the engine, so that a bad one harms no other. */
export const batchBody = z
  .strictObject({ documents: z.array(z.unknown()), collection: collection.optional() })
  .openapi("BatchFrame");
export const batchDocs = z
  .strictObject({
    documents: z.array(documentInput).openapi({ description: batchNote }),
    collection: collection.optional(),
  })
  .openapi("Batch", {
    example: {
      documents: [
        { id: "a", text: "First." },
        { id: "b", text: "Second." },
      ],
    },
  });

export const patchBody = z
  .strictObject({
    text: text.optional().openapi({ description: "Replaces the text, and embeds it again." }),
    metadata: metadata
      .optional()
      .openapi({ ...metadataDocs, description: "JSON merge patch (RFC 7396): null removes a key." }),
    embedding: vector.optional(),
    created_at: createdAt.optional(),
    collection: collection.optional(),
  })
  .refine((patch) => Object.keys(patch).some((key) => key !== "collection"), {
    error: "Give at least one of text, metadata, embedding and created_at.",
    params: { code: "empty_patch" },
  })
  .openapi("DocumentPatch", { example: { metadata: { reviewed: true, draft: null } } });

const asOfNote =
  "The number of a generation, or a time: what the collection held then. Kept for SNAPSHOT_KEEP_MS (1 hour).";
const asOf = z
  .union([z.int().min(1), z.string().min(1).max(40)], { error: "Give the number of a generation, or a time." })
  .openapi({ description: asOfNote, example: "2024-03-01T10:00:00Z" });

const scorer = z
  .strictObject({
    name: z.enum(["vector_similarity", "bm25", "pagerank", "freshness", "expression"]),
    weight: z.number().min(0).default(1),
    k1: z.number().min(0).max(100).optional().openapi({ description: "Of `bm25`: 1.2 when left out." }),
    b: z.number().min(0).max(1).optional().openapi({ description: "Of `bm25`: 0.75 when left out." }),
    half_life_days: z.number().positive().optional().openapi({ description: "Of `freshness`: 14 when left out." }),
    sql: z
      .string()
      .min(1)
      .optional()
      .openapi({ description: "Of `expression`: a SQL expression over the document's columns; larger is better." }),
  })
  .openapi("Scorer");

const ranker = z
  .union(
    [
      z.enum(["default", "full"]),
      z.strictObject({
        scorers: z.array(scorer).min(1).max(16),
        fusion: z.enum(["rrf", "weighted_sum", "max"]).default("rrf"),
        min_score: z.number().optional(),
      }),
    ],
    { error: 'Give "default", "full" or an object with scorers.' },
  )
  .openapi("Ranker", {
    description: "How results are ranked: a preset, or scorers whose values are fused to a score in 0…1.",
    example: {
      scorers: [
        { name: "bm25", weight: 2 },
        { name: "freshness", half_life_days: 30 },
      ],
      fusion: "rrf",
    },
  });

const searchFields = {
  limit: z.int().min(1).max(1000).default(10).openapi({ description: "How many results." }),
  offset: z.int().min(0).max(10_000).default(0).openapi({ description: "How many results to skip." }),
  include: z
    .array(z.enum(["text", "metadata", "embedding", "scores", "highlights"]))
    .default(["text", "metadata"])
    .openapi({ description: "What each result carries besides id and score." }),
  where: z.string().min(1).optional().openapi({
    description: "A SQL condition over the columns of `documents`; only documents that fulfil it are found.",
    example: "created_at > '2024-01-01' AND metadata->>'venue' = 'NeurIPS'",
  }),
  params: z
    .union([z.array(z.unknown()), z.record(z.string(), z.unknown())], { error: "Give an array, or an object by name." })
    .optional()
    .openapi({ description: "Values of the parameters of `where`." }),
  ranker: ranker.optional(),
  min_score: z.number().optional().openapi({ description: "Leaves out results that score less." }),
  recall: z
    .enum(["fast", "balanced", "exact"])
    .default("balanced")
    .openapi({ description: "How much to look at: `exact` looks at every vector." }),
  consistency: z
    .enum(["strong", "eventual"])
    .default("strong")
    .openapi({ description: "`strong` sees every acknowledged write; `eventual` saves a look at the storage." }),
  shard_limit: z.int().min(1).max(1_000_000).optional().openapi({ description: "Most shards to search." }),
  timeout_ms: z
    .int()
    .min(1)
    .max(600_000)
    .optional()
    .openapi({ description: "Deadline of the query, in milliseconds." }),
  as_of: asOf.optional(),
  explain: z.boolean().default(false).openapi({ description: "Adds `plan`: which shards were searched, and why." }),
  collection: collection.optional(),
};

export const searchBody = z
  .strictObject({
    query: z
      .string()
      .min(1)
      .optional()
      .openapi({ description: "Text to search for. Give this or `vector`, not both." }),
    vector: vector.optional().openapi({ description: "Vector to search for. Give this or `query`, not both." }),
    ...searchFields,
  })
  .refine((body) => (body.query === undefined) !== (body.vector === undefined), {
    error: "Give exactly one of query and vector.",
    params: { code: "query_or_vector" },
  })
  .openapi("SearchRequest", { example: { query: "how do I back up my data", limit: 3 } });

export const hybridBody = z
  .strictObject({
    query: z.string().min(1).optional().openapi({
      description:
        'Text to search for: words, `"a phrase"`, `+required`, `-excluded`, `begin*`. At least this or `vector`.',
    }),
    vector: vector.optional().openapi({ description: "Vector to search for, instead of one made of `query`." }),
    ...searchFields,
  })
  .refine((body) => body.query !== undefined || body.vector !== undefined, {
    error: "Give query, vector or both.",
    params: { code: "query_or_vector" },
  })
  .openapi("HybridRequest", { example: { query: "+backup restore", where: "word_count > 20", limit: 3 } });

export const sqlBody = z
  .strictObject({
    sql: z.string().min(1).openapi({ description: "One SELECT, WITH … SELECT or VALUES, or EXPLAIN of one." }),
    params: z
      .union([z.array(z.unknown()), z.record(z.string(), z.unknown())], {
        error: "Give an array, or an object by name.",
      })
      .optional()
      .openapi({
        description:
          'Values of the parameters: a list for `?` and `?N`, or an object by name. `{"$int": "<digits>"}` is an integer beyond 2^53, `{"$blob": "<base64>"}` a blob.',
      }),
    consistency: z.enum(["strong", "eventual"]).default("strong").openapi({ description: "As in searches." }),
    timeout_ms: z
      .int()
      .min(1)
      .max(600_000)
      .optional()
      .openapi({ description: "Deadline, in milliseconds: no more than SQL_TIMEOUT_MS." }),
    explain: z.boolean().default(false).openapi({ description: "Adds `plan`: how the statement was answered." }),
    collection: collection.optional(),
  })
  .openapi("SqlRequest", {
    example: { sql: "SELECT id FROM documents WHERE created_at > ? ORDER BY id LIMIT 3", params: ["2024-01-01"] },
  });

export const collectionBody = z
  .strictObject({
    name: collection.openapi({
      description: "1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit.",
      example: "notes",
    }),
    dimensions: z
      .int()
      .min(1)
      .max(maxDimensions)
      .optional()
      .openapi({ description: "Fixed by the first vector when left out." }),
    distance: z.enum(["cosine", "l2", "dot"]).optional().openapi({ description: "`cosine` when left out." }),
    embedding_model: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .openapi({ description: "One that the server is configured for." }),
    precision: z
      .enum(["float32", "int8"])
      .optional()
      .openapi({ description: "How vectors are kept: `float32`, the only one in this version." }),
    language: z.string().min(1).max(35).optional().openapi({
      description: "Language of the texts, for their stems: `english` when left out, `none` for none.",
      example: "en",
    }),
    cluster_by: z
      .string()
      .regex(/^(embedding|created_at|metadata\..{1,200})$/u, "One of embedding, created_at and metadata.<key>.")
      .optional()
      .openapi({
        description: "What documents of a shard have in common after a compaction: `embedding` when left out.",
      }),
    shard_max_docs: z.int().min(1).optional().openapi({ description: "A shard holds at most this many documents." }),
    ranker: ranker.optional().openapi({ description: "How searches rank that don't say how." }),
    archive_after_days: z.int().min(0).optional().openapi({
      description:
        "Shards whose documents are all as old are archived by themselves; 0: none. ARCHIVE_AFTER_DAYS when left out.",
    }),
    archive_class: z.enum(archiveClasses).optional().openapi({ description: "ARCHIVE_CLASS when left out." }),
  })
  .openapi("CreateCollection", { example: { name: "notes", distance: "cosine" } });

export const noQuery = z.strictObject({});
export const collectionQuery = z.strictObject({ collection: collection.optional() });
export const idQuery = z.strictObject({ id, collection: collection.optional() });
const include = z.enum(["embedding"]).optional().openapi({ description: "`embedding` adds the vector." });
const asOfText = z.string().min(1).max(40).optional().openapi({ description: asOfNote, example: "17" });
export const getQuery = collectionQuery.extend({ include, as_of: asOfText });
export const getByIdQuery = idQuery.extend({ include, as_of: asOfText });

const wholeText = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().min(least).max(most));

/** A search as the query of an address. */
export const streamQuery = collectionQuery.extend({
  query: z.string().min(1).openapi({ description: "Text to search for." }),
  limit: wholeText(1, 1000).optional().openapi({ type: "integer", description: "How many results: 10 when left out." }),
  where: z.string().min(1).optional().openapi({ description: "A SQL condition, as in searches." }),
  hybrid: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional()
    .openapi({ type: "boolean", description: "`true`: by meaning and by words, as in hybrid search." }),
  include: z
    .string()
    .regex(/^((text|metadata|embedding|scores|highlights)(,|$))*$/)
    .optional()
    .openapi({
      description: "What each result carries, with commas between: `text,metadata` when left out.",
      example: "text",
    }),
  min_score: z
    .string()
    .regex(/^-?\d{1,9}(\.\d{1,9})?$/)
    .transform(Number)
    .optional()
    .openapi({ type: "number", description: "Leaves out results that score less." }),
  recall: z.enum(["fast", "balanced", "exact"]).optional().openapi({ description: "As in searches." }),
  consistency: z.enum(["strong", "eventual"]).optional().openapi({ description: "As in searches." }),
  as_of: asOfText,
});

export const branchBody = z
  .strictObject({
    name: collection.openapi({ description: "Name of the new collection.", example: "documents-before" }),
    as_of: asOf.optional().openapi({ description: `${asOfNote} Now, when left out.` }),
  })
  .openapi("Branch", { example: { name: "documents-before", as_of: 17 } });
export const rollbackBody = z.strictObject({ as_of: asOf }).openapi("Rollback", { example: { as_of: 17 } });
export const gcBody = z
  .strictObject({
    dry_run: z.boolean().default(true).openapi({ description: "`false` condemns and deletes; otherwise only looks." }),
  })
  .openapi("CollectGarbage", { example: { dry_run: false } });
const shardIds = z
  .array(z.string().min(1).max(64))
  .min(1)
  .max(10_000)
  .optional()
  .openapi({ description: "Ids of shards, as the collection's statistics list them." });
const archiveClass = z.enum(archiveClasses);
export const archiveBody = z
  .strictObject({
    collection: collection.optional(),
    shards: shardIds,
    older_than: z.string().max(8).optional().openapi({
      description: "Days or hours: shards whose newest document is older, by `created_at`. This or `shards`.",
      example: "90d",
    }),
    storage_class: archiveClass
      .optional()
      .openapi({ description: "The collection's, or ARCHIVE_CLASS, when left out." }),
  })
  .openapi("ArchiveShards", { example: { older_than: "90d", storage_class: "GLACIER_IR" } });
export const restoreBody = z
  .strictObject({
    collection: collection.optional(),
    shards: shardIds,
    speed: z
      .enum(restoreSpeeds)
      .optional()
      .openapi({ description: "How fast, and how dearly, storage restores: `standard` when left out." }),
  })
  .openapi("RestoreShards", { example: { speed: "bulk" } });
export const pageRankBody = z
  .strictObject({
    collection: collection.optional(),
    damping: z.number().min(0).lt(1).optional().openapi({
      description: "Chance to follow a link rather than to jump anywhere: 0.85 when left out.",
    }),
    iterations: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .openapi({ description: "The most that are run: 20 when left out." }),
    tolerance: z.number().min(0).lt(1).optional().openapi({
      description:
        "Ends earlier when the ranks together changed by less than this, times the documents. When left out, never.",
    }),
    links: z.string().min(1).max(200).optional().openapi({
      description:
        "The key of metadata that holds a document's links: a list of ids, or one id. `outbound_links` when left out.",
    }),
  })
  .openapi("ComputePageRank", { example: { iterations: 100, tolerance: 1e-9 } });
export const healthQuery = z.strictObject({
  ready: z.enum(["0", "1"]).optional().openapi({ description: "`1` also asks whether the storage answers." }),
});
