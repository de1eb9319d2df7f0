import { z } from "@hono/zod-openapi";
import { ranker } from "./ranker.ts";
import { asOf, collection, vector } from "./values.ts";

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
