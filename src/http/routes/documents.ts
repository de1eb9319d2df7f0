import type { z } from "@hono/zod-openapi";
import { documentId } from "../../base/index.ts";
import { deletedDocument, storedDocument, writeResult } from "../answers.ts";
import { type Call, type Operation, operation } from "../operation.ts";
import { collectionQuery, getByIdQuery, getQuery, idQuery } from "../requests/addresses.ts";
import { patchBody, putBody } from "../requests/documents.ts";
import { given } from "../validate.ts";

const locationOf = ({ scope }: Call<unknown, unknown>, id: string): string =>
  `/api/v1/documents?id=${encodeURIComponent(id)}&collection=${scope.collection}`;

const put = operation({
  operationId: "putDocument",
  method: "post",
  path: "/api/v1/documents",
  tag: "Documents",
  summary: "Store a document",
  description: "Acknowledged means durable, and visible to the next query. A document with the same id is replaced.",
  needs: "write",
  query: collectionQuery,
  body: putBody,
  answers: {
    201: { description: "Stored as a new document.", schema: writeResult },
    200: { description: "Replaced the document with this id.", schema: writeResult },
  },
  takesVectors: true,
  problems: ["empty_text", "text_too_large", "metadata_too_large", "invalid_timestamp", "write_backlog"],
  async handle(call) {
    const { collection: _, ...document } = call.body;
    const { id, version, created } = await call.engine.put(call.scope, given(document));
    return call.c.json({ id, version }, created ? 201 : 200, created ? { location: locationOf(call, id) } : {});
  },
});

/** The same operation twice: with the id in the path, and in the query string for ids that no path can carry. */
function both(path: string, query: [z.ZodType, z.ZodType], spec: Omit<Operation, "path" | "query">): Operation[] {
  const [inPath, inQuery] = query;
  const note = "Takes the id from the query string: the way for `.` and `..`, which clients take out of paths.";
  return [
    { ...spec, path: `${path}/{id}`, query: inPath },
    {
      ...spec,
      path,
      query: inQuery,
      operationId: `${spec.operationId}ById`,
      summary: `${spec.summary}, by ?id=`,
      description: note,
    },
  ];
}

const get = both("/api/v1/documents", [getQuery, getByIdQuery], {
  operationId: "getDocument",
  method: "get",
  tag: "Documents",
  summary: "Read a document",
  needs: "read",
  answers: { 200: { description: "The document.", schema: storedDocument } },
  looksUp: true,
  problems: ["document_not_found", "collection_not_found", "invalid_as_of", "snapshot_gone"],
  async handle({ c, engine, scope, id, query }) {
    const { include, as_of } = query as z.output<typeof getQuery>;
    const options = given({ embedding: include === "embedding", as_of });
    return c.json(await engine.get(scope, documentId(id), options));
  },
});

const patch = both("/api/v1/documents", [collectionQuery, idQuery], {
  operationId: "patchDocument",
  method: "patch",
  tag: "Documents",
  summary: "Change a document",
  description: "Only what is given changes. `metadata` is a JSON merge patch; a new `text` is embedded again.",
  needs: "write",
  body: patchBody,
  answers: { 200: { description: "Changed.", schema: writeResult } },
  looksUp: true,
  takesVectors: true,
  problems: [
    "document_not_found",
    "collection_not_found",
    "empty_patch",
    "empty_text",
    "text_too_large",
    "metadata_too_large",
    "invalid_timestamp",
    "write_backlog",
  ],
  async handle({ c, engine, scope, id, body }) {
    const { collection: _, ...change } = body as z.output<typeof patchBody>;
    const { version } = await engine.patch(scope, documentId(id), given(change));
    return c.json({ id, version });
  },
});

const remove = both("/api/v1/documents", [collectionQuery, idQuery], {
  operationId: "deleteDocument",
  method: "delete",
  tag: "Documents",
  summary: "Delete a document",
  needs: "write",
  answers: { 200: { description: "Deleted.", schema: deletedDocument } },
  looksUp: true,
  problems: ["document_not_found", "collection_not_found", "write_backlog"],
  async handle({ c, engine, scope, id }) {
    await engine.delete(scope, documentId(id));
    return c.json({ id, deleted: true });
  },
});

export const documentOperations: readonly Operation[] = [put, ...get, ...patch, ...remove];
