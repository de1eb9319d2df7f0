import { rm, symlink } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

let folder: string;
let http: RealServer;
beforeAll(() =>
  shared(async () => {
    folder = temporaryFolder();
    http = await realServer(folder);
  }),
);

describe("every answer", () => {
  test("carries the request's id, or one of its own", async () => {
    const named = await http.call("GET", "/api/v1/collections", undefined, { "x-request-id": "order-7.2_b" });
    expect(named.headers.get("x-request-id")).toBe("order-7.2_b");
    const own = await Promise.all([
      http.call("GET", "/api/v1/collections"),
      http.call("GET", "/api/v1/collections", undefined, { "x-request-id": "no spaces, please" }),
      http.call("GET", "/api/v1/documents/none?collection=none"),
      http.call("GET", "/nowhere"),
    ]);
    const ids = own.map(({ headers }) => headers.get("x-request-id"));
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._-]{10,}$/);
  });
});

describe("a second server on the same storage", () => {
  test("has what the first acknowledged, at once and both ways", async () => {
    const other = await realServer(folder);
    for (let at = 0; at < 10; at++) {
      const [here, there] = at % 2 === 0 ? [http, other] : [other, http];
      const id = `turn ${at}`;
      await here.call("POST", "/api/v1/documents", { id, text: `text ${at}` });
      expect((await there.call("GET", `/api/v1/documents/${id}`)).body.text).toBe(`text ${at}`);
      const found = await there.call("POST", "/api/v1/search", { query: `text ${at}`, limit: 100 });
      expect(found.body.results).toHaveLength(at + 1);
      await there.call("PATCH", `/api/v1/documents/${id}`, { metadata: { at } });
      expect((await here.call("GET", `/api/v1/documents/${id}`)).body.metadata).toEqual({ at });
    }
    await other.call("DELETE", "/api/v1/documents/turn 0");
    expect((await http.call("GET", "/api/v1/documents/turn 0")).status).toBe(404);
  });
});

describe("metadata", () => {
  const put = (metadata: unknown, id = "wide"): Promise<Answer> =>
    http.call("POST", "/api/v1/documents", { id, text: "t", metadata, collection: "metadata" });

  test("takes 64 KiB of JSON, and not a byte more", async () => {
    const metadata = { text: "x".repeat(64 * 1024 - '{"text":""}'.length) };
    expect((await put(metadata)).status).toBe(201);
    expect((await http.call("GET", "/api/v1/documents/wide?collection=metadata")).body.metadata).toEqual(metadata);
    const over = await put({ text: `${metadata.text}x` });
    expect([over.status, over.body.code]).toEqual([413, "metadata_too_large"]);
    const patched = await http.call("PATCH", "/api/v1/documents/wide?collection=metadata", { metadata: { b: 1 } });
    expect([patched.status, patched.body.code]).toEqual([413, "metadata_too_large"]);
  });

  test("takes 32 levels, and says so of one more", async () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
    expect((await put(nested(32), "deep")).status).toBe(201);
    expect((await http.call("GET", "/api/v1/documents/deep?collection=metadata")).body.metadata).toEqual(nested(32));
    const over = await put(nested(33), "deep");
    expect([over.status, over.body.code, over.body.detail]).toEqual([
      400,
      "invalid_field",
      expect.stringContaining("32"),
    ]);
  });

  test("keeps every kind of JSON, and __proto__ as a key like any other", async () => {
    const json = '{"__proto__":{"x":1},"n":null,"f":-1.5e-7,"s":"\\u0000 ü😀","a":[[],{},true]}';
    await http.call(
      "POST",
      "/api/v1/documents",
      `{"id":"kinds","text":"t","metadata":${json},"collection":"metadata"}`,
    );
    const read = await fetch(`${http.base}/api/v1/documents/kinds?collection=metadata`);
    expect(await read.text()).toContain(`"metadata":${JSON.stringify(JSON.parse(json))}`);
  });
});

describe("health", () => {
  test("is ready while the storage answers, and alive when it does not", async () => {
    const own = temporaryFolder();
    const server = await realServer(own);
    expect((await server.call("GET", "/api/v1/health?ready=1")).body).toMatchObject({ status: "ready" });
    await rm(own, { recursive: true });
    await symlink(own, own);
    const answer = await server.call("GET", "/api/v1/health?ready=1");
    expect([answer.status, answer.body.code]).toEqual([503, "not_ready"]);
    expect(JSON.stringify(answer.body)).not.toContain(own);
    expect((await server.call("GET", "/api/v1/health")).body.status).toBe("ok");
  });
});

describe("the OpenAPI document", () => {
  test("lists exactly what is served", async () => {
    const document = (await http.call("GET", "/openapi.json")).body;
    const served: Record<string, string[]> = {
      "/api/v1/documents": ["delete", "get", "patch", "post"],
      "/api/v1/documents/{id}": ["delete", "get", "patch"],
      "/api/v1/documents/batch": ["post"],
      "/api/v1/search": ["post"],
      "/api/v1/search/hybrid": ["post"],
      "/api/v1/search/sql": ["post"],
      "/api/v1/search/stream": ["get"],
      "/api/v1/collections": ["get", "post"],
      "/api/v1/collections/{name}": ["delete", "get"],
      "/api/v1/collections/{name}/stats": ["get"],
      "/api/v1/collections/{name}/compact": ["post"],
      "/api/v1/collections/{name}/branch": ["post"],
      "/api/v1/collections/{name}/rollback": ["post"],
      "/api/v1/collections/{name}/gc": ["post"],
      "/api/v1/admin/archive": ["post"],
      "/api/v1/admin/compute-pagerank": ["post"],
      "/api/v1/admin/restore": ["post"],
      "/api/v1/inbox": ["get"],
      "/api/v1/jobs/{id}": ["delete", "get"],
      "/api/v1/health": ["get"],
    };
    const listed = Object.entries(document.paths).map(([path, methods]) => [
      path,
      Object.keys(methods as object).sort(),
    ]);
    expect(Object.fromEntries(listed)).toEqual(served);
    for (const path of Object.keys(served)) {
      const answer = await http.call("PUT", path.replace("{id}", "x").replace("{name}", "x"));
      expect([path, answer.status]).toEqual([path, 405]);
      const allowed = (answer.headers.get("allow") ?? "").toLowerCase().split(", ");
      expect(allowed.filter((method) => method !== "head")).toEqual(
        path === "/api/v1/documents/batch" ? [...new Set(["delete", "get", "patch", "post"])] : served[path],
      );
    }
    for (const path of ["/api/v1/search/nothing", "/api/v1/usage"]) {
      expect((await http.call("POST", path)).status).toBe(404);
    }
  });

  test("would be found out if it did not fit the answers", async () => {
    const answer = await http.call("GET", "/api/v1/health");
    const fault = (change: Partial<Answer>, path = "/api/v1/health"): string | undefined =>
      http.check.fault("GET", path, { ...answer, ...change });
    expect(fault({})).toBeUndefined();
    expect(fault({ status: 202 })).toContain("no such status");
    expect(fault({ body: { ...answer.body, extra: 1 } })).toContain("extra");
    expect(fault({ body: { status: "fine", version: "1" } })).toContain("status");
    expect(fault({ headers: new Headers({ "content-type": "application/json" }) })).toContain("X-Request-Id");
    expect(fault({ headers: new Headers({ "content-type": "text/html" }) })).toContain("text/html");
    expect(fault({}, "/api/v1/collections")).toContain("collections");
    expect(fault({}, "/api/v1/jobs")).toContain("not described");
  });
});

describe("the model in the package", () => {
  test("finds by meaning, with no word in common", async () => {
    const local = await realServer(temporaryFolder(), { embeddingThreads: 1 }, "by settings");
    const documents = [
      { id: "apple", text: "A red fruit that grows on trees" },
      { id: "train", text: "A railway carriage pulled by a locomotive" },
      { id: "doctor", text: "A physician treats patients in a hospital" },
    ];
    expect((await local.call("POST", "/api/v1/documents/batch", { documents })).body.accepted).toBe(3);
    for (const [query, id] of [
      ["something to eat", "apple"],
      ["who heals me when I am ill", "doctor"],
    ]) {
      const { results } = (await local.call("POST", "/api/v1/search", { query, limit: 2 })).body;
      expect(results[0].id).toBe(id);
      expect(results[0].score).toBeGreaterThan(results[1].score);
    }
    const { body } = await local.call("GET", "/api/v1/collections/documents");
    expect([body.embedding_model, body.dimensions]).toEqual(["local/all-MiniLM-L6-v2", 384]);
  });
});
