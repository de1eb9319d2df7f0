import { z } from "@hono/zod-openapi";
import { asOfText, collection, id } from "./values.ts";

// What the query of an address may say.

export const noQuery = z.strictObject({});
export const collectionQuery = z.strictObject({ collection: collection.optional() });
export const idQuery = z.strictObject({ id, collection: collection.optional() });
const include = z.enum(["embedding"]).optional().openapi({ description: "`embedding` adds the vector." });
export const getQuery = collectionQuery.extend({ include, as_of: asOfText });
export const getByIdQuery = idQuery.extend({ include, as_of: asOfText });
export const healthQuery = z.strictObject({
  ready: z.enum(["0", "1"]).optional().openapi({ description: "`1` also asks whether the storage answers." }),
});

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
