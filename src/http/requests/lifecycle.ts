import { z } from "@hono/zod-openapi";
import { archiveClasses, restoreSpeeds } from "../../base/index.ts";
import { asOf, asOfNote, collection } from "./values.ts";

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
