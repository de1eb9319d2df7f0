import { beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";

let folder: string;
let http: RealServer;
beforeAll(() =>
  shared(async () => {
    folder = temporaryFolder();
    http = await realServer(folder);
  }),
);

const path = "/api/v1/collections";
const names = async (server = http): Promise<string[]> =>
  (await server.call("GET", path)).body.collections.map(({ name }: { name: string }) => name);

describe("a collection", () => {
  test("is created once, listed, read, deleted, and can be made anew", async () => {
    const spec = { name: "notes", dimensions: 3, distance: "l2", embedding_model: "none", shard_max_docs: 500 };
    const made = await http.call("POST", path, spec);
    expect([made.status, made.headers.get("location")]).toEqual([201, `${path}/notes`]);
    expect(made.body).toMatchObject({ ...spec, precision: "float32", cluster_by: "embedding", documents: 0 });
    const again = await http.call("POST", path, spec);
    expect([again.status, again.body.code]).toEqual([409, "collection_exists"]);
    expect(await names()).toContain("notes");
    await http.call("POST", "/api/v1/documents", { id: "a", text: "t", embedding: [1, 2, 3], collection: "notes" });
    expect((await http.call("GET", `${path}/notes`)).body).toEqual({ ...made.body, documents: 1 });

    expect((await http.call("DELETE", `${path}/notes`)).body).toEqual({ name: "notes", deleted: true });
    for (const [method, at] of [
      ["GET", ""],
      ["DELETE", ""],
      ["GET", "/stats"],
    ] as const) {
      const gone = await http.call(method, `${path}/notes${at}`);
      expect([gone.status, gone.body.code]).toEqual([404, "collection_not_found"]);
    }
    expect(await names()).not.toContain("notes");
    expect((await http.call("POST", path, { name: "notes" })).body).toMatchObject({ distance: "cosine", documents: 0 });
    expect((await http.call("GET", "/api/v1/documents/a?collection=notes")).status).toBe(404);
  });

  test("is made by the first write, with the server's model", async () => {
    await http.call("POST", "/api/v1/documents", { text: "t", collection: "by-itself" });
    const { body } = await http.call("GET", `${path}/by-itself`);
    expect(body).toMatchObject({ embedding_model: "local", dimensions: 6, distance: "cosine", documents: 1 });
  });

  test("without a model takes documents without vectors, and its first vector decides its dimensions", async () => {
    await http.call("POST", path, { name: "bare", embedding_model: "none" });
    const put = (body: object) => http.call("POST", "/api/v1/documents", { ...body, collection: "bare" });
    expect((await put({ id: "text only", text: "t" })).status).toBe(201);
    expect((await http.call("GET", `${path}/bare`)).body.dimensions).toBeNull();
    expect((await put({ id: "two", text: "t", embedding: [1, 0] })).status).toBe(201);
    expect((await http.call("GET", `${path}/bare`)).body.dimensions).toBe(2);
    const other = await put({ id: "three", text: "t", embedding: [1, 0, 0] });
    expect([other.status, other.body.code]).toEqual([400, "wrong_dimensions"]);
    const byText = await http.call("POST", "/api/v1/search", { query: "t", collection: "bare" });
    expect([byText.status, byText.body.code]).toEqual([400, "embedding_required"]);
    const found = await http.call("POST", "/api/v1/search", { vector: [1, 1], collection: "bare" });
    expect(found.body.results).toMatchObject([{ id: "two", score: expect.closeTo(Math.SQRT1_2, 6) }]);
  });

  test("counts what it holds", async () => {
    const documents = Array.from({ length: 8 }, (_, at) => ({ id: `d${at}`, text: `text ${at}` }));
    await http.call("POST", "/api/v1/documents/batch", { documents, collection: "counted" });
    const before = (await http.call("GET", `${path}/counted/stats`)).body;
    expect(before).toMatchObject({ documents: 8, deleted: 0, shards: [], last_fold_at: null, wal: { segments: 1 } });
    await http.engine.fold(scopeOf("default", "counted"));
    await http.call("DELETE", "/api/v1/documents/d3?collection=counted");
    await http.call("POST", "/api/v1/documents", { id: "d4", text: "again", collection: "counted" });
    const tail = (await http.call("GET", `${path}/counted/stats`)).body;
    expect(tail).toMatchObject({ documents: 7, shards: [{ documents: 8, deleted: 0 }], wal: { segments: 2 } });
    await http.engine.fold(scopeOf("default", "counted"));
    const after = (await http.call("GET", `${path}/counted/stats`)).body;
    expect(after).toMatchObject({ documents: 7, wal: { segments: 0, bytes: 0 } });
    expect(after.last_fold_at).toMatch(/^\d{4}-/);
    const rows = after.shards.map(
      ({ documents, deleted }: Record<string, number>) => (documents ?? 0) - (deleted ?? 0),
    );
    expect(rows.reduce((sum: number, count: number) => sum + count, 0)).toBe(7);
    expect(after.bytes).toBeGreaterThan(after.shards[0].bytes - 1);
  });

  test("that one server makes or deletes is so for the other at once", async () => {
    const other = await realServer(folder);
    await http.call("POST", path, { name: "passing" });
    expect(await names(other)).toContain("passing");
    expect((await other.call("POST", path, { name: "passing" })).status).toBe(409);
    await other.call("POST", "/api/v1/documents", { id: "a", text: "t", collection: "passing" });
    expect((await http.call("GET", "/api/v1/documents/a?collection=passing")).status).toBe(200);
    await other.call("DELETE", `${path}/passing`);
    expect((await http.call("GET", "/api/v1/documents/a?collection=passing")).body.code).toBe("collection_not_found");
    expect(await names()).not.toContain("passing");
  });
});

describe("a collection that can't be", () => {
  test.each([
    ["a name with a slash", { name: "a/b" }, "invalid_collection_name"],
    ["a name that climbs", { name: ".." }, "invalid_collection_name"],
    ["a name in capitals", { name: "Notes" }, "invalid_collection_name"],
    ["no name", {}, "invalid_field"],
    ["another precision", { name: "x", precision: "int8" }, "not_supported"],
    ["another clustering", { name: "x", cluster_by: "text" }, "invalid_field"],
    ["a language that is none", { name: "x", language: "klingon" }, "invalid_language"],
    ["a ranker that is none", { name: "x", ranker: { scorers: [{ name: "expression" }] } }, "invalid_ranker"],
    ["another model", { name: "x", embedding_model: "openai:any" }, "embedding_model_not_allowed"],
    ["other dimensions than the model's", { name: "x", dimensions: 7 }, "wrong_dimensions"],
    ["no dimensions", { name: "x", dimensions: 0 }, "invalid_field"],
    ["too many dimensions", { name: "x", dimensions: 4097 }, "invalid_field"],
  ])("%s", async (_why, spec, code) => {
    const answer = await http.call("POST", path, spec);
    expect([answer.status, answer.body.code]).toEqual([400, code]);
    expect(await names()).not.toContain("x");
  });
});
