import { patiently } from "../../base/index.ts";
import { batchResult } from "../answers.ts";
import { bodyChunks, contentTypeOf, readJson } from "../body.ts";
import { scopeFrom } from "../call.ts";
import { storeLines } from "../ndjson.ts";
import { type Call, type Operation, operation } from "../operation.ts";
import { RequestError } from "../problem.ts";
import { collectionQuery } from "../requests/addresses.ts";
import { batchBody, batchDocs, documentInput } from "../requests/documents.ts";
import { validated } from "../validate.ts";

type BatchCall = Call<unknown, unknown>;

async function storeArray({ c, engine, settings, tenant, query }: BatchCall): Promise<Response> {
  const body = validated(batchBody, await readJson(c, settings.maxBodyBytes), "body");
  const { length } = body.documents;
  if (length > settings.maxBatchDocs) {
    const detail = `The batch has ${length} documents; at most ${settings.maxBatchDocs} (MAX_BATCH_DOCS) are taken. NDJSON has no limit.`;
    throw new RequestError("too_large", "too_many_documents", detail);
  }
  return c.json(await engine.putMany(scopeFrom(tenant, query, body), body.documents));
}

async function storeStream({ c, engine, settings, tools, scope }: BatchCall): Promise<Response> {
  const { signal } = c.req.raw;
  const result = await storeLines(scope, bodyChunks(c), {
    maxDocs: settings.maxBatchDocs,
    maxBytes: settings.maxBodyBytes,
    putMany: (to, documents) => {
      // Nobody waits for the answer any more; what the client had sent beyond this is in doubt for it anyway.
      signal.throwIfAborted();
      return patiently(tools.clock, () => engine.putMany(to, documents), signal);
    },
  });
  return c.json(result);
}

const ndjsonExample = '{"id":"a","text":"First."}\n{"id":"b","text":"Second."}\n';

export const batchOperations: readonly Operation[] = [
  operation({
    operationId: "putDocuments",
    method: "post",
    path: "/api/v1/documents/batch",
    tag: "Documents",
    summary: "Store many documents",
    description: [
      "A document that is refused harms no other: it is listed in `errors`.",
      "JSON takes MAX_BATCH_DOCS documents and MAX_BODY_BYTES; NDJSON (one document a line) is read as a stream of any length.",
      "Blank lines of NDJSON are skipped, but counted by `index`; a line longer than MAX_BODY_BYTES is an error of its own.",
      "If a stream fails after some lines were stored, the problem document says how many, and `next_index` where to go on.",
    ].join(" "),
    needs: "write",
    query: collectionQuery,
    bodyDocs: {
      "application/json": { schema: batchDocs },
      "application/x-ndjson": { schema: documentInput, example: ndjsonExample },
    },
    answers: { 200: { description: "What was stored and what was refused.", schema: batchResult } },
    takesVectors: true,
    problems: ["too_many_documents", "write_backlog"],
    handle: (call) =>
      contentTypeOf(call.c, ["application/json", "application/x-ndjson"]) === "application/json"
        ? storeArray(call)
        : storeStream(call),
  }),
];
