import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { settingsFrom } from "../../../src/base/index.ts";
import { temporaryFolder } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

const document = "/api/v1/documents/same";
const search = (http: RealServer, headers: Record<string, string>): Promise<Answer> =>
  http.call("POST", "/api/v1/search", { query: "text" }, headers);
const texts = ({ body }: Answer): string[] => body.results.map(({ text }: { text: string }) => text);

test("on an open server the header names the tenant, and no tenant sees another's documents", async () => {
  const folder = temporaryFolder();
  const http = await realServer(folder);
  for (const tenant of ["one", "two"]) {
    const headers = { "x-mosaic-tenant": tenant };
    const made = await http.call("POST", "/api/v1/documents", { id: "same", text: `text of ${tenant}` }, headers);
    expect(made.status).toBe(201);
  }
  for (const tenant of ["one", "two"]) {
    const headers = { "x-mosaic-tenant": tenant };
    expect((await http.call("GET", document, undefined, headers)).body.text).toBe(`text of ${tenant}`);
    expect(texts(await search(http, headers))).toEqual([`text of ${tenant}`]);
  }
  const other = await http.call("GET", document);
  expect([other.status, other.body.code]).toEqual([404, "collection_not_found"]);
  expect((await http.call("GET", "/api/v1/collections")).body.collections).toEqual([]);
  await http.call("DELETE", document, undefined, { "x-mosaic-tenant": "one" });
  expect((await http.call("GET", document, undefined, { "x-mosaic-tenant": "two" })).status).toBe(200);
  const wrong = await http.call("GET", document, undefined, { "x-mosaic-tenant": "../two" });
  expect([wrong.status, wrong.body.code]).toEqual([400, "invalid_tenant_name"]);
  expect(readdirSync(join(folder, "tenants")).sort()).toEqual(["one", "two"]);
});

test("with keys the key decides: tenant and role", async () => {
  const { apiKeys } = settingsFrom({}, { MOSAIC_API_KEYS: "r=acme:read,w=acme:write,a=acme:admin,other=globex" });
  const http = await realServer(temporaryFolder(), { apiKeys });
  const key = (name: string): Record<string, string> => ({ authorization: `Bearer ${name}` });
  const put = (name: string): Promise<Answer> =>
    http.call("POST", "/api/v1/documents", { id: "same", text: `text by ${name}` }, key(name));

  expect([(await put("w")).status, (await put("other")).status, (await put("a")).status]).toEqual([201, 201, 200]);
  expect(texts(await search(http, key("r")))).toEqual(["text by a"]);
  expect(texts(await search(http, { "x-api-key": "other" }))).toEqual(["text by other"]);

  const refused: [string, string, unknown, string, string][] = [
    ["POST", "/api/v1/documents", { text: "t" }, "r", "role_not_allowed"],
    ["PATCH", document, { text: "t" }, "r", "role_not_allowed"],
    ["DELETE", document, undefined, "r", "role_not_allowed"],
    ["POST", "/api/v1/documents/batch", { documents: [] }, "r", "role_not_allowed"],
    ["POST", "/api/v1/collections", { name: "made" }, "r", "role_not_allowed"],
    ["DELETE", "/api/v1/collections/documents", undefined, "w", "role_not_allowed"],
    ["GET", document, undefined, "guessed", "key_unknown"],
  ];
  for (const [method, path, body, name, code] of refused) {
    const answer = await http.call(method, path, body, key(name));
    expect([method, path, answer.status, answer.body.code]).toEqual([
      method,
      path,
      code === "key_unknown" ? 401 : 403,
      code,
    ]);
  }
  const nobody = await http.call("GET", document);
  expect([nobody.status, nobody.body.code]).toEqual([401, "key_required"]);
  const stranger = await http.call("GET", document, undefined, { ...key("w"), "x-mosaic-tenant": "globex" });
  expect([stranger.status, stranger.body.code]).toEqual([403, "tenant_not_allowed"]);
  expect((await http.call("GET", document, undefined, key("r"))).body.text).toBe("text by a");

  expect((await http.call("DELETE", "/api/v1/collections/documents", undefined, key("a"))).status).toBe(200);
  expect((await http.call("GET", document, undefined, key("r"))).status).toBe(404);
  expect((await http.call("GET", document, undefined, key("other"))).status).toBe(200);
});
