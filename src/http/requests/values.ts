/**
 * The shapes of requests, by subject; here what they share. The same objects validate what arrives and write the OpenAPI
 * document, so neither can say more than the other. Answers are in answers.ts.
 */
import { z } from "@hono/zod-openapi";
import {
  collectionName,
  documentId,
  isMosaicError,
  MosaicError,
  maxDimensions,
  maxMetadataDepth,
  parseTimestamp,
} from "../../base/index.ts";
import type { Metadata } from "../../engine/index.ts";
import { isMetadata } from "../metadata.ts";

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

export const text = z.string().openapi({
  description: "What is embedded and searched. At most MAX_TEXT_BYTES (1 MiB by default) of UTF-8.",
  example: "Vector search you can query with SQL.",
});

export const vector = z
  .array(z.number())
  .min(1)
  .max(maxDimensions)
  .openapi({ description: "Finite numbers, as many as the collection has dimensions.", example: [0.1, -0.2, 0.3] });

export const metadata = z.custom<Metadata>(isMetadata, {
  error: `Metadata is a JSON object of finite numbers, nested at most ${maxMetadataDepth} deep.`,
});
export const metadataDocs = {
  type: "object",
  additionalProperties: true,
  example: { source: "handbook", year: 2024 },
} as const;

export const createdAt = checked(timestamp).openapi({
  description: "ISO 8601; without a zone it is UTC. Kept as UTC `YYYY-MM-DD HH:MM:SS[.SSS]`. Now, when left out.",
  example: "2024-03-01T10:00:00Z",
});

export const asOfNote =
  "The number of a generation, or a time: what the collection held then. Kept for SNAPSHOT_KEEP_MS (1 hour).";
export const asOf = z
  .union([z.int().min(1), z.string().min(1).max(40)], { error: "Give the number of a generation, or a time." })
  .openapi({ description: asOfNote, example: "2024-03-01T10:00:00Z" });
/** The same in an address. */
export const asOfText = z.string().min(1).max(40).optional().openapi({ description: asOfNote, example: "17" });
