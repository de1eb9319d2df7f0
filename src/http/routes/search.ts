import { type Clock, whileAsked } from "../../base/index.ts";
import type { IncludeField, SearchResponse, SqlResponse } from "../../engine/index.ts";
import { searchResult, sqlResult, streamLine } from "../answers.ts";
import { type Call, type Operation, operation } from "../operation.ts";
import { collectionQuery, streamQuery } from "../requests/addresses.ts";
import { hybridBody, searchBody, sqlBody } from "../requests/search.ts";
import { ndjsonOf } from "../stream.ts";
import { given } from "../validate.ts";

/** https://www.w3.org/TR/server-timing/: durations in milliseconds; `compute` is the sum over all threads. */
function serverTiming(totalMs: number, { stats }: SearchResponse | SqlResponse): string {
  const parts = { total: totalMs, search: stats.took_ms, compute: stats.cost.compute_ms };
  return Object.entries(parts)
    .map(([name, ms]) => `${name};dur=${ms.toFixed(2)}`)
    .join(", ");
}

/** A client that goes away frees its work: nothing more is read for it, and its SQL ends with the process that ran it. */
const forClient = <T>(c: Call<unknown, unknown>["c"], task: () => T): T => whileAsked(c.req.raw.signal, task);

/** The answer as JSON, with where its time went. */
async function answered<T extends SearchResponse | SqlResponse>(
  c: Call<unknown, unknown>["c"],
  clock: Clock,
  task: () => Promise<T>,
) {
  const result = await forClient(c, task);
  c.header("server-timing", serverTiming(clock.monotonicMs() - c.get("startedMs"), result));
  return c.json(result);
}

const searchProblems = [
  "collection_not_found",
  "empty_query",
  "embedding_required",
  "invalid_as_of",
  "snapshot_gone",
  "sql_syntax",
  "sql_not_allowed",
  "sql_failed",
  "unknown_column",
  "unknown_function",
  "invalid_parameter",
  "query_too_large",
  "query_timeout",
  "invalid_ranker",
] as const;

export const searchOperations: readonly Operation[] = [
  operation({
    operationId: "search",
    method: "post",
    path: "/api/v1/search",
    tag: "Search",
    summary: "Search by meaning",
    description: "The documents whose vectors are nearest to that of `query`, or to `vector`, best first.",
    needs: "read",
    query: collectionQuery,
    body: searchBody,
    answers: { 200: { description: "The results. `Server-Timing` says where the time went.", schema: searchResult } },
    takesVectors: true,
    problems: ["query_or_vector", ...searchProblems],
    async handle({ c, engine, tools, scope, body }) {
      const { collection: _, ...request } = body;
      return await answered(c, tools.clock, () => engine.search(scope, given(request)));
    },
  }),
  operation({
    operationId: "hybrid",
    method: "post",
    path: "/api/v1/search/hybrid",
    tag: "Search",
    summary: "Search by meaning and by words",
    description:
      "The documents that are nearest in meaning and those that hold the words, fused by reciprocal rank or by the ranker that is given.",
    needs: "read",
    query: collectionQuery,
    body: hybridBody,
    answers: { 200: { description: "The results. `Server-Timing` says where the time went.", schema: searchResult } },
    takesVectors: true,
    problems: ["query_or_vector", ...searchProblems],
    async handle({ c, engine, tools, scope, body }) {
      const { collection: _, ...request } = body;
      return await answered(c, tools.clock, () => engine.hybrid(scope, given(request)));
    },
  }),
  operation({
    operationId: "searchStream",
    method: "get",
    path: "/api/v1/search/stream",
    tag: "Search",
    summary: "Search line by line",
    description:
      'NDJSON: a line for each result in the order of rank, then `{"done": true, "stats": …}`. What fails after the first line is a line `{"error": …}`.',
    needs: "read",
    query: streamQuery,
    answers: { 200: { description: "One line each.", schema: streamLine, type: "application/x-ndjson" } },
    takesVectors: true,
    problems: ["invalid_field", ...searchProblems],
    async handle({ c, engine, tools, scope, query }) {
      const { collection: _, include, hybrid, ...request } = query;
      const fields = include?.split(",").filter(Boolean) as IncludeField[] | undefined;
      const asked = { ...given(request), ...(fields === undefined ? {} : { include: fields }) };
      const lines = await forClient(c, () =>
        ndjsonOf(
          engine.searchStream(scope, asked, hybrid === true ? "hybrid" : "semantic"),
          ({ degraded, failed_shards, stats }) => ({ done: true, degraded, failed_shards, stats }),
          (error) => tools.logger.warn("stream ended", { request_id: c.get("requestId"), cause: String(error) }),
        ),
      );
      return new Response(lines, { headers: { "content-type": "application/x-ndjson" } });
    },
  }),
  operation({
    operationId: "sql",
    method: "post",
    path: "/api/v1/search/sql",
    tag: "Search",
    summary: "Ask in SQL",
    description:
      "One read-only statement over the table `documents(id, text, metadata, embedding, created_at, updated_at, pagerank, word_count)`, in SQLite's dialect.",
    needs: "read",
    query: collectionQuery,
    body: sqlBody,
    answers: { 200: { description: "Columns and rows. `Server-Timing` says where the time went.", schema: sqlResult } },
    takesVectors: true,
    problems: [
      "collection_not_found",
      "sql_syntax",
      "sql_not_allowed",
      "sql_failed",
      "unknown_column",
      "unknown_function",
      "unknown_table",
      "invalid_parameter",
      "invalid_search_arguments",
      "query_too_large",
      "query_timeout",
      "embedding_required",
    ],
    async handle({ c, engine, scope, tools, body }) {
      const { collection: _, ...query } = body;
      return await answered(c, tools.clock, () => engine.sql(scope, given(query)));
    },
  }),
];
