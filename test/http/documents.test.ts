import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { behindGateway } from "./support/gateway-server.ts";
import { type TestServer, testServer } from "./support/server.ts";

let http: TestServer;
beforeAll(async () => {
  http = await testServer();
});
afterAll(() => http.server.close());
beforeEach(() => {
  http.engine.tenantsByName.clear();
  http.engine.before = () => {};
});

describe("a document", () => {
  test("is 201 when new, 200 when replaced, with id and version", async () => {
    const first = await http.call("POST", "/api/v1/documents", { id: "a", text: "one" });
    const again = await http.call("POST", "/api/v1/documents", { id: "a", text: "two" });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(first.body).toEqual({ id: "a", version: expect.stringMatching(/^\d+\.\d+$/) });
    expect(Object.keys(again.body)).toEqual(["id", "version"]);
  });

  test("goes to the collection that the body or the query string names, else to documents", async () => {
    await http.call("POST", "/api/v1/documents", { id: "a", text: "one", collection: "notes" });
    await http.call("POST", "/api/v1/documents?collection=other", { id: "a", text: "one" });
    await http.call("POST", "/api/v1/documents", { id: "a", text: "one" });
    expect([...http.engine.tenantsByName.get("default")!.keys()]).toEqual(["notes", "other", "documents"]);
  });

  test("keeps every metadata key, __proto__ too", async () => {
    const metadata = '{"__proto__":{"x":1},"constructor":"c","a":{"b":[1,null,"ü"]}}';
    await http.call("POST", "/api/v1/documents", `{"id":"m","text":"t","metadata":${metadata}}`);
    const answer = await fetch(`${http.base}/api/v1/documents/m`);
    expect(await answer.text()).toContain(`"metadata":${metadata}`);
  });

  test("shows its embedding when asked for it", async () => {
    await http.call("POST", "/api/v1/documents", { id: "v", text: "t", embedding: [1, 0.5] });
    expect((await http.call("GET", "/api/v1/documents/v")).body.embedding).toBeUndefined();
    expect((await http.call("GET", "/api/v1/documents/v?include=embedding")).body.embedding).toEqual([1, 0.5]);
  });

  test("is changed, deleted, and gone", async () => {
    await http.call("POST", "/api/v1/documents", { id: "d", text: "t" });
    expect((await http.call("PATCH", "/api/v1/documents/d", { metadata: { a: 1 } })).body.id).toBe("d");
    expect((await http.call("GET", "/api/v1/documents/d")).body.metadata).toEqual({ a: 1 });
    expect((await http.call("DELETE", "/api/v1/documents/d")).body).toEqual({ id: "d", deleted: true });
    const gone = await http.call("DELETE", "/api/v1/documents/d");
    expect([gone.status, gone.body.code]).toEqual([404, "document_not_found"]);
  });
});

describe("any Unicode id works", () => {
  const ids = [
    "a/b",
    "../../x",
    "..%2f..%2fx",
    "%",
    "%2F",
    "100% sure?",
    "a b+c",
    "ü€😀",
    "#hash",
    "batch",
    "'\"`<>",
    "a\\b",
    "\n\t",
    ":id",
    "*",
  ];
  // The gateway cuts a path at a "?" that it has decoded: such an id goes into the query string.
  for (const id of ids.filter((each) => !(behindGateway && each.includes("?")))) {
    test(`in the path: ${JSON.stringify(id)}`, async () => {
      await http.call("POST", "/api/v1/documents", { id, text: "t" });
      const path = `/api/v1/documents/${encodeURIComponent(id)}`;
      expect((await http.call("GET", path)).body.id).toBe(id);
      expect((await http.call("PATCH", path, { text: "u" })).body.id).toBe(id);
      expect((await http.call("DELETE", path)).body).toEqual({ id, deleted: true });
    });
  }
  for (const id of [".", "..", "%2e%2e", ...ids]) {
    test(`in the query string: ${JSON.stringify(id)}`, async () => {
      const made = await http.call("POST", "/api/v1/documents", { id, text: "t" });
      expect((await http.call("GET", made.headers.get("location")!)).body.id).toBe(id);
      const path = `/api/v1/documents?id=${encodeURIComponent(id)}`;
      expect((await http.call("PATCH", path, { text: "u" })).body.id).toBe(id);
      expect((await http.call("DELETE", path)).body).toEqual({ id, deleted: true });
    });
  }
});

describe("search", () => {
  test("gives the engine the defaults of the contract, and answers with Server-Timing", async () => {
    await http.call("POST", "/api/v1/documents", { id: "s", text: "needle in hay" });
    const answer = await http.call("POST", "/api/v1/search", { query: "needle" });
    expect(answer.status).toBe(200);
    expect(answer.body.results.map((hit: { id: string }) => hit.id)).toEqual(["s"]);
    expect(answer.headers.get("server-timing")).toMatch(/^total;dur=[\d.]+, search;dur=1\.25, compute;dur=0\.50$/);
    expect(http.engine.lastSearch).toEqual({
      query: "needle",
      limit: 10,
      offset: 0,
      include: ["text", "metadata"],
      recall: "balanced",
      consistency: "strong",
      explain: false,
    });
  });

  test("of a collection that does not exist is 404 and names no path", async () => {
    const answer = await http.call("POST", "/api/v1/search", { query: "x", collection: "nowhere" });
    expect([answer.status, answer.body.code]).toEqual([404, "collection_not_found"]);
    expect(JSON.stringify(answer.body)).not.toMatch(/secret/);
  });
});

describe("a collection", () => {
  test("is created, listed, read, counted and deleted", async () => {
    const created = await http.call("POST", "/api/v1/collections", { name: "notes", dimensions: 3, distance: "l2" });
    expect([created.status, created.body.dimensions, created.body.distance]).toEqual([201, 3, "l2"]);
    expect((await http.call("POST", "/api/v1/collections", { name: "notes" })).status).toBe(409);
    expect((await http.call("GET", "/api/v1/collections")).body.collections).toHaveLength(1);
    expect((await http.call("GET", "/api/v1/collections/notes")).body.name).toBe("notes");
    expect((await http.call("GET", "/api/v1/collections/notes/stats")).body.documents).toBe(0);
    expect((await http.call("DELETE", "/api/v1/collections/notes")).body).toEqual({ name: "notes", deleted: true });
    expect((await http.call("GET", "/api/v1/collections/notes")).status).toBe(404);
  });
});

describe("health", () => {
  test("says ok and ready, and 503 when the storage does not answer", async () => {
    expect((await http.call("GET", "/api/v1/health")).body.status).toBe("ok");
    expect((await http.call("GET", "/api/v1/health?ready=1")).body.status).toBe("ready");
    http.engine.before = () => {
      throw new Error("EACCES /secret/storage");
    };
    const answer = await http.call("GET", "/api/v1/health?ready=1");
    expect([answer.status, answer.body.code]).toEqual([503, "not_ready"]);
    expect(JSON.stringify(answer.body)).not.toMatch(/secret/);
  });
});
