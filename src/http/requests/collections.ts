import { z } from "@hono/zod-openapi";
import { archiveClasses, maxDimensions } from "../../base/index.ts";
import { ranker } from "./ranker.ts";
import { collection } from "./values.ts";

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
