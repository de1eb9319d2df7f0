import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import { temporaryFolder } from "../../engine/support/engine.ts";
import { realServer } from "../support/real-server.ts";

const shardPath = (folder: string, shard: string): string =>
  join(folder, "tenants", "default", "documents", "shards", `${shard}.db`);

/** Two shards, of 30 and of 20 documents, and ten more in the log. */
let folder: string;
let large: string;
beforeEach(async () => {
  folder = temporaryFolder();
  const writer = await realServer(folder);
  for (const [from, to] of [
    [0, 30],
    [30, 50],
    [50, 60],
  ] as const) {
    const documents = Array.from({ length: to - from }, (_, at) => ({
      id: `doc ${from + at}`,
      text: `text of ${from + at}`,
    }));
    await writer.call("POST", "/api/v1/documents/batch", { documents });
    if (to < 60) await writer.engine.fold(scopeOf("default", "documents"));
  }
  const { shards } = (await writer.call("GET", "/api/v1/collections/documents/stats")).body;
  expect(shards).toHaveLength(2);
  large = shards.find(({ documents }: { documents: number }) => documents === 30).id;
});

const everything = { query: "text", limit: 100, recall: "exact" };

async function overwrite(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 100);
  await writeFile(path, bytes);
}

describe("a shard file that is damaged", () => {
  test("is named by failed_shards; the healthy shard and the log answer", async () => {
    await overwrite(shardPath(folder, large));
    const http = await realServer(folder);
    const { status, body } = await http.call("POST", "/api/v1/search", everything);
    expect([status, body.degraded]).toEqual([200, true]);
    expect(body.failed_shards).toEqual([{ shard: large, code: "shard_damaged", detail: expect.stringMatching(/\.$/) }]);
    const ids = body.results.map(({ id }: { id: string }) => id);
    expect(ids.toSorted()).toEqual(Array.from({ length: 30 }, (_, at) => `doc ${30 + at}`).toSorted());
  });

  test("keeps only its own documents from being read, written and deleted", async () => {
    await overwrite(shardPath(folder, large));
    const http = await realServer(folder);
    for (const [method, body] of [["GET"], ["PATCH", { metadata: { a: 1 } }], ["DELETE"]] as const) {
      const answer = await http.call(method, "/api/v1/documents/doc 1", body);
      expect([answer.status, answer.body.code]).toEqual([500, "shard_damaged"]);
      expect(JSON.stringify(answer.body)).not.toContain(folder);
    }
    expect((await http.call("GET", "/api/v1/documents/doc 31")).body.text).toBe("text of 31");
    expect((await http.call("DELETE", "/api/v1/documents/doc 51")).status).toBe(200);
    expect((await http.call("POST", "/api/v1/documents", { id: "doc 1", text: "again" })).status).toBe(200);
    expect((await http.call("GET", "/api/v1/documents/doc 1")).body.text).toBe("again");
  });

  test("that is gone altogether is named too, and the log has the reason for the operator", async () => {
    await rm(shardPath(folder, large));
    const http = await realServer(folder);
    const { body } = await http.call("POST", "/api/v1/search", everything);
    expect(body.failed_shards).toMatchObject([{ shard: large }]);
    expect(body.results).toHaveLength(30);
    const read = await http.call("GET", "/api/v1/documents/doc 1", undefined, { "x-request-id": "look-me-up" });
    expect(read.status).toBe(500);
    const line = http.lines.find(({ fields }) => fields["request_id"] === "look-me-up" && fields["code"] !== undefined);
    expect(line).toMatchObject({ level: "error", fields: { code: read.body.code, kind: "data" } });
  });
});

describe("a manifest that is damaged", () => {
  test("fails every call of its collection, naming no path; others answer, and the list says which it is", async () => {
    await overwrite(join(folder, "tenants", "default", "documents", "manifest.json"));
    const http = await realServer(folder);
    await http.call("POST", "/api/v1/documents", { id: "a", text: "t", collection: "healthy" });
    const calls = [
      ["POST", "/api/v1/search", everything],
      ["GET", "/api/v1/documents/doc 1"],
      ["POST", "/api/v1/documents", { id: "doc 1", text: "t" }],
      ["DELETE", "/api/v1/documents/doc 1"],
      ["GET", "/api/v1/collections/documents"],
      ["GET", "/api/v1/collections/documents/stats"],
      ["DELETE", "/api/v1/collections/documents"],
    ] as const;
    for (const [method, path, body] of calls) {
      const answer = await http.call(method, path, body);
      expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 500, "manifest_damaged"]);
      expect(JSON.stringify(answer.body)).not.toMatch(/tenants|manifest\.json/);
    }
    expect((await http.call("POST", "/api/v1/search", { ...everything, collection: "healthy" })).status).toBe(200);
    const { body: list } = await http.call("GET", "/api/v1/collections");
    expect(list.collections).toMatchObject([{ name: "healthy" }]);
    expect(list.unreadable).toMatchObject([{ name: "documents", code: "manifest_damaged" }]);
    expect(JSON.stringify(list)).not.toMatch(/tenants|manifest\.json/);
  });
});
