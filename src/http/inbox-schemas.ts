import { z } from "@hono/zod-openapi";

const text = z.string().max(1024);

export const inboxQuery = z.strictObject({
  prefix: text.optional().openapi({ description: "Only files whose `file` begins so.", example: "documents/2026-" }),
  after: text.optional().openapi({ description: "`next` of the page before." }),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|1000)$/)
    .default("100")
    .transform(Number)
    .openapi({ type: "integer", minimum: 1, maximum: 1000, default: 100 }),
});

const count = z.number().int().nonnegative();
const refusal = z
  .strictObject({
    place: z.string().openapi({ example: "line 7" }),
    id: z.string().optional(),
    code: z.string(),
    detail: z.string(),
  })
  .openapi("Refusal");

const fileStatus = z
  .strictObject({
    file: z.string().openapi({ description: "`<collection>/<name>`, as it was dropped." }),
    status: z.enum(["waiting", "reading", "retrying", "processed", "failed", "gone"]),
    bytes: count,
    dropped_at: z.string(),
    updated_at: z.string(),
    accepted: count.openapi({ description: "Documents that were stored so far." }),
    refused: count,
    fault: z
      .strictObject({ code: z.string(), detail: z.string() })
      .nullable()
      .openapi({ description: "Why the file or its rest could not be read, or why the last try failed." }),
    errors: z.array(refusal).openapi({ description: "The first 20 documents that were refused." }),
    moved_to: z.string().nullable().openapi({ description: "Where the file is now, in the storage." }),
  })
  .openapi("DroppedFile");

export const inboxPage = z
  .strictObject({
    files: z.array(fileStatus),
    next: z.string().nullable().openapi({ description: "Give it as `after` for the next page; null on the last." }),
  })
  .openapi("Inbox");
