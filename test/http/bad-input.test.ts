import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { behindGateway } from "./support/gateway-server.ts";
import { type TestServer, testServer } from "./support/server.ts";

let http: TestServer;
beforeAll(async () => {
  http = await testServer({ maxBodyBytes: 4096, maxBatchDocs: 3 });
  await http.call("POST", "/api/v1/documents", { id: "there", text: "t" });
});
afterAll(() => http.server.close());

const json = { "content-type": "application/json" };
const docs = "/api/v1/documents";
const search = "/api/v1/search";
const deep = `{"text":"t","metadata":${'{"a":'.repeat(200)}1${"}".repeat(201)}`;

type Row = readonly [
  name: string,
  method: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
  says?: RegExp,
  headers?: Record<string, string>,
];
const rows: readonly Row[] = [
  // The body as bytes
  ["no body", "POST", docs, undefined, 415, "unsupported_media_type"],
  ["an empty body", "POST", docs, "", 400, "malformed_json", /line 1, column 1/i],
  ["cut JSON", "POST", docs, '{"text":', 400, "malformed_json", /column 9: expected a value, found the end/],
  [
    "JSON with a comma too many",
    "POST",
    docs,
    '{"text":"t",\n}',
    400,
    "malformed_json",
    /line 2, column 1: expected a key/i,
  ],
  ["two values", "POST", docs, '{"text":"t"} {}', 400, "malformed_json", /column 14: expected nothing more/],
  ["NaN", "POST", docs, '{"text":"t","embedding":[NaN]}', 400, "malformed_json", /column 26/],
  ["a control character in a string", "POST", docs, '{"text":"a\u0001"}', 400, "malformed_json", /column 11/],
  ["bytes that are not UTF-8", "POST", docs, new Uint8Array([0x7b, 0xff, 0x7d]), 400, "invalid_utf8"],
  ["a body over the limit", "POST", docs, { text: "x".repeat(5000) }, 413, "body_too_large", /4096/],
  [
    "a zip bomb",
    "POST",
    docs,
    gzipSync(JSON.stringify({ text: "x".repeat(100_000) })),
    413,
    "body_too_large",
    /4096/,
    { ...json, "content-encoding": "gzip" },
  ],
  ["gzip that is none", "POST", docs, "{}", 400, "invalid_gzip", /gzip/, { ...json, "content-encoding": "gzip" }],
  [
    "cut gzip",
    "POST",
    docs,
    gzipSync('{"text":"t"}').subarray(0, 20),
    400,
    "invalid_gzip",
    /gzip/,
    { ...json, "content-encoding": "gzip" },
  ],
  ["another encoding", "POST", docs, "{}", 415, "unsupported_encoding", /gzip/, { ...json, "content-encoding": "br" }],
  // Content types: what a form or a script of another site can send is refused
  [
    "a form",
    "POST",
    docs,
    "a=b",
    415,
    "unsupported_media_type",
    /application\/json/,
    { "content-type": "application/x-www-form-urlencoded" },
  ],
  ["plain text", "POST", docs, '{"text":"t"}', 415, "unsupported_media_type", /json/, { "content-type": "text/plain" }],
  [
    "another charset",
    "POST",
    docs,
    '{"text":"t"}',
    415,
    "unsupported_media_type",
    /UTF-8/,
    { "content-type": "application/json; charset=utf-16" },
  ],
  [
    "NDJSON for one document",
    "POST",
    docs,
    '{"text":"t"}',
    415,
    "unsupported_media_type",
    /json/,
    { "content-type": "application/x-ndjson" },
  ],
  [
    "a form for a batch",
    "POST",
    `${docs}/batch`,
    "a=b",
    415,
    "unsupported_media_type",
    /ndjson/,
    { "content-type": "multipart/form-data; boundary=x" },
  ],
  [
    "a patch as plain text",
    "PATCH",
    `${docs}/there`,
    "{}",
    415,
    "unsupported_media_type",
    /json/,
    { "content-type": "text/plain" },
  ],
  // Documents
  ["an array for an object", "POST", docs, [], 400, "invalid_field"],
  ["null", "POST", docs, "null", 400, "invalid_field"],
  [
    "a ranker of another kind",
    "POST",
    search,
    { query: "q", ranker: 3 },
    400,
    "invalid_field",
    /^ranker: Give "default", "full"/,
  ],
  [
    "a scorer that is none",
    "POST",
    search,
    { query: "q", ranker: { scorers: [{ name: "bm26" }] } },
    400,
    "invalid_field",
    /^ranker\/scorers\/0\/name: .*"bm25"/,
  ],
  [
    "a scorer with an unknown parameter",
    "POST",
    search,
    { query: "q", ranker: { scorers: [{ name: "bm25", k9: 1 }] } },
    400,
    "unknown_field",
    /^ranker\/scorers\/0\/k9: /,
  ],
  ["no text", "POST", docs, {}, 400, "invalid_field", /^text: /],
  ["text that is a number", "POST", docs, { text: 1 }, 400, "invalid_field", /^text: /],
  ["an unknown field", "POST", docs, { text: "t", txet: "t" }, 400, "unknown_field", /txet/],
  ["an empty id", "POST", docs, { id: "", text: "t" }, 400, "invalid_id"],
  ["an id of 513 bytes", "POST", docs, { id: "x".repeat(513), text: "t" }, 400, "invalid_id", /512/],
  ["an id with NUL", "POST", docs, '{"id":"a\\u0000b","text":"t"}', 400, "invalid_id"],
  ["an id with half a character", "POST", docs, '{"id":"\\ud800","text":"t"}', 400, "invalid_id"],
  [
    "an infinite number in the vector",
    "POST",
    docs,
    '{"text":"t","embedding":[1,1e999]}',
    400,
    "invalid_field",
    /^embedding\/1: /,
  ],
  ["an empty vector", "POST", docs, { text: "t", embedding: [] }, 400, "invalid_field"],
  ["words in the vector", "POST", docs, { text: "t", embedding: ["1"] }, 400, "invalid_field"],
  [
    "an infinite number in metadata",
    "POST",
    docs,
    '{"text":"t","metadata":{"a":[-1e999]}}',
    400,
    "invalid_field",
    /^metadata: /,
  ],
  ["metadata that is an array", "POST", docs, { text: "t", metadata: [] }, 400, "invalid_field", /^metadata: /],
  ["metadata that is too deep", "POST", docs, deep, 400, "invalid_field", /^metadata: .*deep/],
  [
    "a time that is none",
    "POST",
    docs,
    { text: "t", created_at: "yesterday" },
    400,
    "invalid_timestamp",
    /^created_at: /,
  ],
  ["30 February", "POST", docs, { text: "t", created_at: "2024-02-30" }, 400, "invalid_timestamp"],
  ["a bad collection name", "POST", docs, { text: "t", collection: "../x" }, 400, "invalid_collection_name"],
  ["two collections", "POST", `${docs}?collection=a`, { text: "t", collection: "b" }, 400, "ambiguous_collection"],
  // Addresses
  ["an unknown parameter", "GET", `${docs}/there?colection=a`, undefined, 400, "unknown_field", /colection/],
  ["a parameter twice", "GET", `${docs}/there?collection=a&collection=b`, undefined, 400, "invalid_query", /twice/],
  ["a parameter that is not UTF-8", "GET", `${docs}?id=%ff`, undefined, 400, "invalid_query"],
  ["an id that is not UTF-8", "GET", `${docs}/%ff`, undefined, 400, "invalid_id"],
  ["an id with NUL in the path", "GET", `${docs}/a%00b`, undefined, 400, "invalid_id"],
  ["id in path and query", "GET", `${docs}/there?id=other`, undefined, 400, "unknown_field", /id/],
  ["no id", "GET", docs, undefined, 400, "invalid_field", /^id: /],
  ["no id to delete", "DELETE", docs, undefined, 400, "invalid_field", /^id: /],
  ["no such address", "GET", "/api/v2/documents", undefined, 404, "not_found"],
  ["the root", "GET", "/", undefined, 404, "not_found"],
  ["a method that is not served", "PUT", `${docs}/there`, {}, 405, "method_not_allowed", /DELETE, GET, HEAD, PATCH/],
  ["GET of a search", "GET", search, undefined, 405, "method_not_allowed", /POST/],
  ["POST to the documentation", "POST", "/docs", {}, 405, "method_not_allowed", /GET/],
  ["OPTIONS", "OPTIONS", docs, undefined, 405, "method_not_allowed"],
  // Patches and batches
  ["a patch of nothing", "PATCH", `${docs}/there`, {}, 400, "empty_patch"],
  ["a patch of the id", "PATCH", `${docs}/there`, { id: "other" }, 400, "unknown_field", /id/],
  ["a batch without documents", "POST", `${docs}/batch`, {}, 400, "invalid_field", /^documents: /],
  ["a batch of too many", "POST", `${docs}/batch`, { documents: [1, 2, 3, 4] }, 413, "too_many_documents", /3/],
  [
    "an unknown field beside documents",
    "POST",
    `${docs}/batch`,
    { documents: [], docs: [] },
    400,
    "unknown_field",
    /docs/,
  ],
  // Searches
  ["neither query nor vector", "POST", search, {}, 400, "query_or_vector"],
  ["query and vector", "POST", search, { query: "a", vector: [1] }, 400, "query_or_vector"],
  ["an empty query", "POST", search, { query: "" }, 400, "invalid_field", /^query: /],
  ["limit 0", "POST", search, { query: "a", limit: 0 }, 400, "invalid_field", /^limit: /],
  ["limit 1001", "POST", search, { query: "a", limit: 1001 }, 400, "invalid_field", /^limit: /],
  ["limit 1.5", "POST", search, { query: "a", limit: 1.5 }, 400, "invalid_field", /^limit: /],
  ["limit as text", "POST", search, { query: "a", limit: "10" }, 400, "invalid_field", /^limit: /],
  ["offset 10001", "POST", search, { query: "a", offset: 10_001 }, 400, "invalid_field", /^offset: /],
  ["an unknown recall", "POST", search, { query: "a", recall: "best" }, 400, "invalid_field", /^recall: /],
  [
    "an unknown field to include",
    "POST",
    search,
    { query: "a", include: ["txt"] },
    400,
    "invalid_field",
    /^include\/0: /,
  ],
  ["an infinite vector", "POST", search, '{"vector":[1e999]}', 400, "invalid_field", /^vector\/0: /],
  [
    "a vector that is too long",
    "POST",
    search,
    { vector: Array.from({ length: 1000 }, () => null) },
    413,
    "body_too_large",
  ],
  ...["max_cost"].map(
    (field): Row => [
      `the later option ${field}`,
      "POST",
      search,
      { query: "a", [field]: 1 },
      400,
      "unknown_field",
      new RegExp(field),
    ],
  ),
  // Collections and tenants
  ["a collection named ../x", "POST", "/api/v1/collections", { name: "../x" }, 400, "invalid_collection_name"],
  ["a collection in capitals", "POST", "/api/v1/collections", { name: "Notes" }, 400, "invalid_collection_name"],
  ["0 dimensions", "POST", "/api/v1/collections", { name: "n", dimensions: 0 }, 400, "invalid_field"],
  ["an unknown distance", "POST", "/api/v1/collections", { name: "n", distance: "manhattan" }, 400, "invalid_field"],
  [
    "an unknown cluster_by",
    "POST",
    "/api/v1/collections",
    { name: "n", cluster_by: "text" },
    400,
    "invalid_field",
    /metadata\.<key>/,
  ],
  [
    "a collection out of the tenant",
    "GET",
    "/api/v1/collections/..%2fother",
    undefined,
    400,
    "invalid_collection_name",
  ],
  [
    "a tenant named ../x",
    "GET",
    "/api/v1/collections",
    undefined,
    400,
    "invalid_tenant_name",
    /1 to 63/,
    { "x-mosaic-tenant": "../x" },
  ],
  [
    "an empty tenant",
    "GET",
    "/api/v1/collections",
    undefined,
    400,
    "invalid_tenant_name",
    /1 to 63/,
    { "x-mosaic-tenant": "" },
  ],
  ["ready=yes", "GET", "/api/v1/health?ready=yes", undefined, 400, "invalid_field"],
];

describe("bad input is a problem document that says what to do", () => {
  // The gateway decodes paths by itself: what is no UTF-8 stays as it is, and a hidden slash is one like any other.
  const otherwise = ["an id that is not UTF-8", "a collection out of the tenant"];
  const asked = rows.filter(([name]) => !(behindGateway && otherwise.includes(name)));
  test.each(asked)("%s", async (...row) => {
    const [, method, path, body, status, code, says, headers] = row as unknown as Row;
    const answer = await http.call(method, path, body, headers);
    expect([answer.status, answer.body.code, answer.body.status]).toEqual([status, code, status]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
    expect(answer.body.type).toBe(`/docs#${code}`);
    expect(answer.body.detail).toMatch(says ?? /./);
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|\n *at /);
  });

  test("every code is explained on the page that its type points to", async () => {
    const page = (await http.call("GET", "/docs")).body as string;
    for (const code of new Set(rows.map((row) => row[5]))) expect(page).toContain(`<tr id="${code}">`);
  });
});

test("errors name each fault and its place, at most 20 of them", async () => {
  const answer = await http.call("POST", search, { query: "a", limit: 0, offset: -1, foo: 1, bar: 2 });
  expect(answer.body.errors.map((fault: { pointer: string }) => fault.pointer).sort()).toEqual([
    "/bar",
    "/foo",
    "/limit",
    "/offset",
  ]);
  const many = await http.call("POST", search, { vector: Array.from({ length: 300 }, () => null) });
  expect(many.body.errors).toHaveLength(20);
});

// The gateway takes a body whole, or refuses it, before a function is asked.
test.skipIf(behindGateway)(
  "a body without Content-Length is cut off at the limit, and the server goes on",
  async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1024;
        if (sent > 64 * 1024 * 1024) controller.close();
        else controller.enqueue(new TextEncoder().encode(" ".repeat(1024)));
      },
    });
    const answer = await http.call("POST", docs, endless).catch((error: unknown) => error);
    // The answer may be lost when the connection is cut while the client still sends; the limit held all the same.
    if (!(answer instanceof Error)) expect((answer as { status: number }).status).toBe(413);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    expect((await http.call("GET", "/api/v1/health")).status).toBe(200);
  },
);

test("an internal error tells the caller nothing, and the log everything, under one request id", async () => {
  http.engine.before = () => {
    throw new Error("SELECT * FROM secret at /secret/path");
  };
  const answer = await http.call("GET", `${docs}/there`, undefined, { "x-request-id": "mine-1" });
  http.engine.before = () => {};
  expect([answer.status, answer.body.code]).toEqual([500, "internal"]);
  expect(JSON.stringify(answer.body)).not.toMatch(/secret/);
  expect(answer.headers.get("x-request-id")).toBe("mine-1");
  const line = http.lines.find((entry) => entry.level === "error");
  expect(line?.fields.request_id).toBe("mine-1");
  expect(JSON.stringify(line)).toContain("/secret/path");
});

test("a request id that could break a log line is replaced", async () => {
  const answer = await http.call("GET", "/api/v1/health", undefined, { "x-request-id": "a b<script>" });
  expect(answer.headers.get("x-request-id")).toMatch(/^[a-z0-9]+$/);
});
