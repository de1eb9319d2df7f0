import { z } from "@hono/zod-openapi";
import { collection, createdAt, id, metadata, metadataDocs, text, vector } from "./values.ts";

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
