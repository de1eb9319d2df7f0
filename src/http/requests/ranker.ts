import { z } from "@hono/zod-openapi";

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

export const ranker = z
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
