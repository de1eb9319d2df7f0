import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settingsFrom, tenantName } from "../../src/base/index.ts";
import { behindGateway } from "./support/gateway-server.ts";
import { type TestServer, testServer } from "./support/server.ts";

const keys = { MOSAIC_API_KEYS: "ka-read=a:read,ka-write=a:write,ka-admin=a:admin,kb=b:write" };
const { apiKeys } = settingsFrom({}, keys);
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

let http: TestServer;
beforeAll(async () => {
  http = await testServer({ apiKeys });
  await http.call("POST", "/api/v1/documents", { id: "of-a", text: "t" }, bearer("ka-write"));
  await http.call("POST", "/api/v1/documents", { id: "of-b", text: "t" }, bearer("kb"));
});
afterAll(() => http.server.close());

describe("with keys", () => {
  test.each([
    ["no key", {}, 401, "key_required"],
    ["an unknown key", bearer("nope"), 401, "key_unknown"],
    ["a key's beginning", bearer("ka-rea"), 401, "key_unknown"],
    ["an empty bearer", { authorization: "Bearer " }, 401, "key_required"],
    ["basic", { authorization: "Basic a2EtcmVhZA==" }, 401, "key_required"],
    ["another tenant's name", { ...bearer("ka-read"), "x-mosaic-tenant": "b" }, 403, "tenant_not_allowed"],
  ])("%s is refused", async (_name, headers, status, code) => {
    const answer = await http.call("GET", "/api/v1/documents/of-a", undefined, headers as Record<string, string>);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? 'Bearer realm="mosaic"' : null);
  });

  test("either header carries the key, and naming one's own tenant is fine", async () => {
    for (const headers of [
      bearer("ka-read"),
      { "x-api-key": "ka-read" },
      { ...bearer("ka-read"), "x-mosaic-tenant": "a" },
    ]) {
      expect((await http.call("GET", "/api/v1/documents/of-a", undefined, headers)).status).toBe(200);
    }
  });

  const calls: [string, string, unknown, needs: number][] = [
    ["GET", "/api/v1/documents/of-a", undefined, 0],
    ["GET", "/api/v1/collections", undefined, 0],
    ["POST", "/api/v1/search", { query: "t" }, 0],
    ["POST", "/api/v1/documents", { id: "x", text: "t" }, 1],
    ["POST", "/api/v1/documents/batch", { documents: [] }, 1],
    ["PATCH", "/api/v1/documents/of-a", { text: "t" }, 1],
    ["POST", "/api/v1/collections", { name: "made" }, 1],
    ["DELETE", "/api/v1/documents/x", undefined, 1],
    ["POST", "/api/v1/collections/made/compact", undefined, 2],
    ["POST", "/api/v1/collections/made/branch", { name: "branched" }, 2],
    ["POST", "/api/v1/collections/made/rollback", { as_of: 1 }, 2],
    ["POST", "/api/v1/collections/made/gc", { dry_run: false }, 2],
    ["GET", "/api/v1/jobs/job1", undefined, 0],
    ["DELETE", "/api/v1/jobs/job1", undefined, 2],
    ["DELETE", "/api/v1/collections/made", undefined, 2],
  ];
  test.each(calls)("%s %s asks for its role", async (method, path, body, needs) => {
    for (const [rank, key] of ["ka-read", "ka-write", "ka-admin"].entries()) {
      const answer = await http.call(method, path, body, bearer(key));
      if (rank < needs) expect([answer.status, answer.body.code]).toEqual([403, "role_not_allowed"]);
      else expect([200, 201, 202, 404, 409]).toContain(answer.status);
    }
  });

  test("health and documentation need none", async () => {
    for (const path of ["/api/v1/health", "/openapi.json", "/docs"])
      expect((await http.call("GET", path)).status).toBe(200);
  });

  test("no door leads to another tenant", async () => {
    const doors = [
      "/api/v1/documents/of-b",
      "/api/v1/documents?id=of-b",
      "/api/v1/documents/..%2f..%2fb%2fdocuments%2fof-b",
      "/api/v1/documents/%2e%2e%2f%2e%2e%2fb%2fdocuments%2fof-b",
      "/api/v1/documents/of-b?collection=..%2fb%2fdocuments",
      "/api/v1/collections/..%2f..%2fb%2fdocuments",
      "/api/v1/collections/%2e%2e%2fb/stats",
    ];
    for (const door of doors) {
      const answer = await http.call("GET", door, undefined, bearer("ka-admin"));
      expect([400, 404]).toContain(answer.status);
    }
    const found = await http.call("POST", "/api/v1/search", { query: "t", limit: 100 }, bearer("ka-admin"));
    expect(found.body.results.map((hit: { id: string }) => hit.id)).not.toContain("of-b");
    expect([...http.engine.tenantsByName.keys()].sort()).toEqual(["a", "b"]);
  });

  test("ids that look like paths stay ids", async () => {
    const id = "../../b/documents/of-b";
    await http.call("POST", "/api/v1/documents", { id, text: "mine" }, bearer("ka-write"));
    const read = await http.call("GET", `/api/v1/documents/${encodeURIComponent(id)}`, undefined, bearer("ka-read"));
    expect(read.body.text).toBe("mine");
    expect((await http.call("GET", "/api/v1/documents/of-b", undefined, bearer("kb"))).body.text).toBe("t");
  });

  test("neither answers nor logs hold a key", async () => {
    const answer = await http.call("GET", "/api/v1/documents/of-a", undefined, bearer("ka-secret-guess"));
    expect(JSON.stringify([answer.body, http.lines])).not.toMatch(/ka-secret-guess|ka-admin/);
  });
});

/** fetch sets Host itself; this sends the one that is asked for. */
function statusWithHost(port: number, host: string): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: "127.0.0.1", path: "/api/v1/collections", headers: { host } },
      async (answer) => {
        let text = "";
        for await (const chunk of answer) text += chunk;
        resolve([answer.statusCode ?? 0, text === "" ? "" : (JSON.parse(text).code ?? "")]);
      },
    );
    sent.on("error", reject).end();
  });
}

describe("without keys", () => {
  test.each([
    ["localhost", 200, ""],
    ["LOCALHOST:80", 200, ""],
    ["127.0.0.1:4040", 200, ""],
    ["[::1]:4040", 200, ""],
    ["evil.example", 403, "host_not_allowed"],
    ["localhost.evil.example", 403, "host_not_allowed"],
    ["127.0.0.1.evil.example:4040", 403, "host_not_allowed"],
    ["evil.example:4040", 403, "host_not_allowed"],
  ])("the Host %s is %i", async (host, status, code) => {
    const open = await testServer();
    expect(await statusWithHost(open.server.port, host)).toEqual([status, code]);
    await open.server.close();
  });

  test("any Host will do when MOSAIC_ALLOW_OPEN says so, or when there are keys", async () => {
    const open = await testServer({ allowOpen: true });
    expect(await statusWithHost(open.server.port, "search.example")).toEqual([200, ""]);
    expect(await statusWithHost(http.server.port, "search.example")).toEqual([401, "key_required"]);
    await open.server.close();
  });

  test("the header names the tenant, and tenants don't see each other", async () => {
    const open = await testServer();
    await open.call("POST", "/api/v1/documents", { id: "x", text: "t" }, { "x-mosaic-tenant": "one" });
    expect((await open.call("GET", "/api/v1/documents/x", undefined, { "x-mosaic-tenant": "one" })).status).toBe(200);
    expect((await open.call("GET", "/api/v1/documents/x", undefined, { "x-mosaic-tenant": "two" })).status).toBe(404);
    expect((await open.call("GET", "/api/v1/documents/x")).status).toBe(404);
    await open.server.close();
  });

  // A function binds nothing.
  test.skipIf(behindGateway)("the server refuses to bind more than loopback", async () => {
    await expect(testServer({ host: "0.0.0.0" })).rejects.toMatchObject({ code: "open_server" });
    const keyed = await testServer({ host: "0.0.0.0", apiKeys: [{ key: "k", tenant: tenantName("a"), role: "read" }] });
    await keyed.server.close();
    const open = await testServer({ host: "0.0.0.0", allowOpen: true });
    await open.server.close();
  });
});
