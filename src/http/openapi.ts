import { OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import { packageVersion } from "../base/index.ts";
import { problem } from "./answers.ts";
import type { Operation } from "./operation.ts";
import { problemList } from "./problem-list.ts";
import { id } from "./requests/values.ts";

export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;
type Responses = RouteConfig["responses"];
type Request = NonNullable<RouteConfig["request"]>;

const everywhere = ["invalid_query", "unknown_field", "host_not_allowed", "internal"];
const withTenant = [
  "key_required",
  "key_unknown",
  "role_not_allowed",
  "tenant_not_allowed",
  "invalid_tenant_name",
  "key_damaged",
];
/** What may go wrong wherever storage is asked. */
const withStorage = [
  "manifest_damaged",
  "manifest_format_unknown",
  "segment_damaged",
  "summary_damaged",
  "terms_damaged",
  "object_missing",
  "storage_unreachable",
  "storage_busy",
  "storage_locked",
  "storage_full",
  "storage_failed",
  "storage_denied",
  "storage_clock",
  "storage_read_only",
  "storage_unsupported",
  "bucket_not_found",
  "restore_required",
  "conditional_conflict",
  "outcome_unknown",
  "write_contention",
  "closed",
];
/** What may go wrong where a document is looked up in the shards. A search leaves such a shard out and says so. */
const withLookup = [
  "archived_needs_restore",
  "shard_damaged",
  "deletes_damaged",
  "ranks_damaged",
  "shard_unavailable",
  "cache_unavailable",
  "worker_stopped",
  "shard_timeout",
  "leaf_failed",
  "document_too_large",
];
/** What may go wrong where a text is embedded or a vector taken. */
const withVector = [
  "invalid_vector",
  "zero_vector",
  "wrong_dimensions",
  "embedding_rejected",
  "embedding_model_mismatch",
  "embedding_model_unavailable",
  "embedding_unavailable",
  "embedding_denied",
  "embedding_bad_reply",
  "embedding_failed",
];
const withBody = [
  "malformed_json",
  "invalid_utf8",
  "invalid_gzip",
  "incomplete_body",
  "body_too_large",
  "unsupported_media_type",
  "unsupported_encoding",
];
const withFields = ["invalid_field", "invalid_collection_name", "ambiguous_collection"];

const takesBody = (operation: Operation): boolean => operation.body !== undefined || operation.bodyDocs !== undefined;

/** Every code that the operation may answer with. */
export function problemCodes(operation: Operation): string[] {
  const codes = [
    ...everywhere,
    ...(operation.needs === "nothing" ? [] : [...withTenant, ...withStorage, "invalid_collection_name"]),
    ...(operation.looksUp === true ? withLookup : []),
    ...(operation.takesVectors === true ? withVector : []),
    ...(takesBody(operation) ? [...withBody, ...withFields] : []),
    ...(operation.path.endsWith("/documents/{id}") || operation.operationId.endsWith("ById") ? ["invalid_id"] : []),
    ...operation.problems,
  ];
  return [...new Set(codes)];
}

const requestId = { "X-Request-Id": { description: "Yours, or one made here.", schema: { type: "string" as const } } };
const retryAfter = { "Retry-After": { description: "Seconds to wait.", schema: { type: "integer" as const } } };

function problemResponses(operation: Operation): Responses {
  const byStatus = Map.groupBy(problemCodes(operation), (code) => problemList[code]?.[0] ?? 400);
  const entries = [...byStatus].map(([status, codes]) => {
    const lines = codes.map((code) => `- \`${code}\`: ${problemList[code]?.[1] ?? ""}`);
    const headers = status === 503 ? { ...requestId, ...retryAfter } : requestId;
    return [
      status,
      { description: lines.join("\n"), headers, content: { "application/problem+json": { schema: problem } } },
    ];
  });
  return Object.fromEntries(entries) as Responses;
}

function answerResponses(operation: Operation): Responses {
  const entries = Object.entries(operation.answers).map(
    ([status, { description, schema, type = "application/json" }]) => {
      const timing =
        operation.tag === "Search" && type === "application/json"
          ? { "Server-Timing": { description: "Milliseconds by part.", schema: { type: "string" as const } } }
          : {};
      return [status, { description, headers: { ...requestId, ...timing }, content: { [type]: { schema } } }];
    },
  );
  return Object.fromEntries(entries) as Responses;
}

const tenantHeader = z
  .string()
  .optional()
  .openapi({ description: "Tenant, on a server without keys. With a key it may be left out.", default: "default" });
const requestIdHeader = z
  .string()
  .optional()
  .openapi({ description: "Comes back in the answer.", pattern: "^[A-Za-z0-9._-]{1,128}$" });

function headersOf(operation: Operation): z.ZodObject {
  const common = { "X-Request-Id": requestIdHeader };
  return z.object(operation.needs === "nothing" ? common : { "X-Mosaic-Tenant": tenantHeader, ...common });
}

function paramsOf(path: string): Pick<Request, "params"> {
  const name = z.string().openapi({ description: "Name of the collection.", example: "documents" });
  if (path.includes("{name}")) return { params: z.object({ name }) };
  const inPath = id.openapi({ description: "The id, percent-encoded (`a/b` is `a%2Fb`)." });
  return path.includes("{id}") ? { params: z.object({ id: inPath }) } : {};
}

function requestOf(operation: Operation): Request {
  const content =
    operation.bodyDocs ??
    (operation.body === undefined ? undefined : { "application/json": { schema: operation.body } });
  const query = operation.query as z.ZodObject;
  return {
    ...paramsOf(operation.path),
    ...(Object.keys(query.shape).length === 0 ? {} : { query }),
    headers: headersOf(operation),
    ...(content === undefined ? {} : { body: { required: true, content: content as never } }),
  };
}

const routeOf = (operation: Operation): RouteConfig => ({
  method: operation.method,
  path: operation.path,
  operationId: operation.operationId,
  tags: [operation.tag],
  summary: operation.summary,
  ...(operation.description === undefined ? {} : { description: operation.description }),
  security: operation.needs === "nothing" ? [] : [{ bearer: [] }, { apiKey: [] }, {}],
  request: requestOf(operation),
  responses: { ...answerResponses(operation), ...problemResponses(operation) },
});

const description = [
  "JSON in, JSON out. Errors are RFC 9457 problem documents with a stable `code`.",
  "An acknowledged write is durable, and the next query sees it.",
].join(" ");

/** The OpenAPI 3.1 document of `operations`, from the schemas that validate their requests. */
export function openApiDocument(operations: readonly Operation[]): OpenApiDocument {
  const writer = new OpenAPIHono();
  const registry = writer.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  registry.registerComponent("securitySchemes", "apiKey", { type: "apiKey", in: "header", name: "X-API-Key" });
  for (const operation of operations) registry.registerPath(routeOf(operation));
  return writer.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Mosaic", version: packageVersion, description, license: { name: "MIT" } },
    servers: [{ url: "/" }],
    tags: [{ name: "Documents" }, { name: "Search" }, { name: "Collections" }, { name: "Service" }],
  });
}
