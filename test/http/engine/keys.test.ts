import { beforeAll, describe, expect, test } from "vitest";
import { tenantName } from "../../../src/base/index.ts";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const document = { id: "x", text: "t" };

let server: RealServer;
beforeAll(() =>
  shared(async () => {
    const apiKeys = [{ key: "of-settings", tenant: tenantName("acme"), role: "write" }] as const;
    server = await realServer(temporaryFolder(), { storedKeys: true, keyCacheMs: 0, apiKeys });
  }),
);

describe("with stored keys", () => {
  test("every call is refused while there is none, but health", async () => {
    const closed = await realServer(temporaryFolder(), { storedKeys: true });
    for (const headers of [{}, bearer("guess"), bearer(`mosaic_${"0".repeat(48)}`), { "x-mosaic-tenant": "acme" }])
      expect((await closed.call("GET", "/api/v1/collections", undefined, headers)).status).toBe(401);
    expect((await closed.call("GET", "/api/v1/health")).status).toBe(200);
  });

  test("tenant and role are the key's", async () => {
    const made = async (tenant: string, role: "read" | "write") =>
      bearer((await server.engine.keys.create({ tenant: tenantName(tenant), role })).key);
    const [writer, reader, other] = [await made("acme", "write"), await made("acme", "read"), await made("b", "read")];
    expect((await server.call("POST", "/api/v1/documents", document, writer)).status).toBe(201);
    expect((await server.call("GET", "/api/v1/documents/x", undefined, reader)).status).toBe(200);
    const refused = await server.call("POST", "/api/v1/documents", document, reader);
    expect([refused.status, refused.body.code]).toEqual([403, "role_not_allowed"]);
    expect((await server.call("GET", "/api/v1/documents/x", undefined, other)).status).toBe(404);
    const claimed = await server.call("GET", "/api/v1/documents/x", undefined, { ...other, "x-mosaic-tenant": "acme" });
    expect([claimed.status, claimed.body.code]).toEqual([403, "tenant_not_allowed"]);
  });

  test("a revoked key is refused, and those of the settings go on", async () => {
    const { key, id } = await server.engine.keys.create({ tenant: tenantName("acme"), role: "admin" });
    expect((await server.call("GET", "/api/v1/collections", undefined, bearer(key))).status).toBe(200);
    await server.engine.keys.revoke(id);
    const answer = await server.call("GET", "/api/v1/collections", undefined, bearer(key));
    expect([answer.status, answer.body.code]).toEqual([401, "key_unknown"]);
    expect((await server.call("GET", "/api/v1/collections", undefined, bearer("of-settings"))).status).toBe(200);
  });

  test("the server may bind more than loopback, and answers to any Host", async () => {
    const open = await realServer(temporaryFolder(), { storedKeys: true, host: "0.0.0.0" });
    expect((await open.call("GET", "/api/v1/health")).status).toBe(200);
  });
});
