import { beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { behindGateway } from "../support/gateway-server.ts";
import { type RealServer, realServer } from "../support/real-server.ts";

let http: RealServer;
beforeAll(() =>
  shared(async () => {
    http = await realServer(temporaryFolder());
  }),
);

const docs = "/api/v1/documents";
const embeddingOf = async (id: string): Promise<readonly number[]> =>
  (await http.call("GET", `${docs}/${id}?include=embedding`)).body.embedding;

describe("a document", () => {
  test("is stored, replaced, read, changed, deleted and gone", async () => {
    const made = await http.call("POST", docs, {
      id: "life",
      text: "one",
      metadata: { kind: "a", tags: [1, 2], deep: { x: 1, y: 2 } },
      created_at: "2024-03-01T11:00:00+01:00",
    });
    expect([made.status, made.body]).toEqual([201, { id: "life", version: expect.stringMatching(/^\d+\.0$/) }]);
    expect(made.headers.get("location")).toBe(`${docs}?id=life&collection=documents`);
    const read = await http.call("GET", `${docs}/life`);
    expect(read.body).toEqual({
      id: "life",
      text: "one",
      metadata: { kind: "a", tags: [1, 2], deep: { x: 1, y: 2 } },
      created_at: "2024-03-01 10:00:00",
      updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?$/),
    });

    const patched = await http.call("PATCH", `${docs}/life`, { metadata: { kind: null, tags: [3], deep: { x: 9 } } });
    expect(patched.status).toBe(200);
    const changed = (await http.call("GET", `${docs}/life`)).body;
    expect(changed).toMatchObject({ text: "one", metadata: { tags: [3], deep: { x: 9, y: 2 } } });
    expect(changed.metadata).not.toHaveProperty("kind");
    expect(changed.created_at).toBe("2024-03-01 10:00:00");

    const again = await http.call("POST", docs, { id: "life", text: "two" });
    expect(again.status).toBe(200);
    expect(again.headers.get("location")).toBeNull();
    expect((await http.call("GET", `${docs}/life`)).body).toMatchObject({ text: "two", metadata: {} });

    const versions = [made, patched, again].map(({ body }) => body.version.split(".").map(Number));
    expect(versions.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])).toEqual(versions);

    expect((await http.call("DELETE", `${docs}/life`)).body).toEqual({ id: "life", deleted: true });
    for (const [method, body] of [["GET"], ["DELETE"], ["PATCH", { text: "x" }]] as const) {
      const gone = await http.call(method, `${docs}/life`, body);
      expect([gone.status, gone.body.code]).toEqual([404, "document_not_found"]);
    }
    expect((await http.call("POST", docs, { id: "life", text: "three" })).status).toBe(201);
  });

  test("gets an id when it has none, and lives on through a fold", async () => {
    const { body } = await http.call("POST", docs, { text: "nameless" });
    expect(body.id).toMatch(/^\S{10,}$/);
    await http.engine.fold(scopeOf("default", "documents"));
    expect((await http.call("GET", `${docs}/${body.id}`)).body.text).toBe("nameless");
    expect((await http.call("POST", docs, { id: body.id, text: "named" })).status).toBe(200);
    expect((await http.call("PATCH", `${docs}/${body.id}`, { metadata: { a: 1 } })).status).toBe(200);
    expect((await http.call("GET", `${docs}/${body.id}`)).body).toMatchObject({ text: "named", metadata: { a: 1 } });
  });

  test("is embedded again when its text changes, and only then", async () => {
    await http.call("POST", docs, { id: "vector", text: "aaa" });
    const first = await embeddingOf("vector");
    await http.call("PATCH", `${docs}/vector`, { metadata: { seen: true } });
    expect(await embeddingOf("vector")).toEqual(first);
    await http.call("PATCH", `${docs}/vector`, { text: "bbb" });
    const second = await embeddingOf("vector");
    expect(second).not.toEqual(first);
    const own = [0, 0, 0, 0, 0, 2];
    await http.call("PATCH", `${docs}/vector`, { embedding: own });
    expect(await embeddingOf("vector")).toEqual(own);
    const found = await http.call("POST", "/api/v1/search", { vector: own, limit: 1 });
    expect(found.body.results[0]).toMatchObject({ id: "vector", score: 1, text: "bbb" });
  });

  test("can't be read from a collection that does not exist", async () => {
    const answer = await http.call("GET", `${docs}/a?collection=nowhere`);
    expect([answer.status, answer.body.code]).toEqual([404, "collection_not_found"]);
  });
});

describe("an id of any kind", () => {
  const ids = [
    "a/b",
    "../../etc/passwd",
    "100 %",
    "%2F",
    "😀 ü",
    "a b+c&d=e#f?",
    "stats",
    "batch",
    "'\"`<>\\",
    "x".repeat(512),
  ];
  test.each(ids)("works in path, query string, body and search: %j", async (id) => {
    const made = await http.call("POST", docs, { id, text: `text of ${id.slice(0, 20)}`, collection: "ids" });
    expect([made.status, made.body.id]).toEqual([201, id]);
    expect((await http.call("GET", made.headers.get("location") ?? "")).body.id).toBe(id);
    const paths = [
      `${docs}/${encodeURIComponent(id)}?collection=ids`,
      `${docs}?id=${encodeURIComponent(id)}&collection=ids`,
    ];
    // The gateway cuts a path at a "?" that it has decoded: such an id goes into the query string.
    const usable = paths.filter((path) => !(behindGateway && id.includes("?") && !path.includes("?id=")));
    for (const path of usable) {
      expect((await http.call("GET", path)).body.id).toBe(id);
      expect((await http.call("PATCH", path, { metadata: { by: path.length } })).body.id).toBe(id);
    }
    const found = await http.call("POST", "/api/v1/search", { query: "text", collection: "ids", limit: 1000 });
    expect(found.body.results.map((hit: { id: string }) => hit.id)).toContain(id);
    expect((await http.call("DELETE", usable[ids.indexOf(id) % usable.length] ?? "")).body).toEqual({
      id,
      deleted: true,
    });
  });

  test.each([".", ".."])("%s works in the query string, where no client takes it for a folder", async (id) => {
    await http.call("POST", docs, { id, text: "dots", collection: "ids" });
    expect((await http.call("GET", `${docs}?id=${id}&collection=ids`)).body.id).toBe(id);
    expect((await http.call("DELETE", `${docs}?id=${id}&collection=ids`)).body.id).toBe(id);
  });
});
