import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/index.ts";
import { testServer } from "./support/server.ts";

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", reject).on("close", () => resolve(answer));
  });
}

describe("the server", () => {
  test("answers what is not HTTP, or no possible request, with a problem document", async () => {
    const http = await testServer();
    for (const text of [
      "nonsense\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
      "GET /a\\b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ]) {
      const answer = await raw(http.server.port, text);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.toLowerCase()).toContain("content-type: application/problem+json");
      expect(answer.toLowerCase()).toContain("x-request-id: ");
      expect(answer).toContain('"code":"invalid_request"');
    }
    await http.server.close();
  });

  test("answers HEAD as GET without a body", async () => {
    const http = await testServer();
    const answer = await http.call("HEAD", "/api/v1/health");
    expect([answer.status, answer.body]).toEqual([200, ""]);
    await http.server.close();
  });

  test("finishes what is under way before it closes the engine, and takes nothing new", async () => {
    const http = await testServer();
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const { promise: release, resolve: go } = Promise.withResolvers<void>();
    http.engine.before = async () => {
      resolve();
      await release;
    };
    const slow = http.call("POST", "/api/v1/documents", { id: "slow", text: "t" });
    await reached;
    const closed = http.server.close();
    await systemClock.sleep(50);
    expect(http.engine.closed).toBe(0);
    await expect(http.call("GET", "/api/v1/health")).rejects.toThrow();
    go();
    expect((await slow).status).toBe(201);
    await closed;
    await http.server.close();
    expect(http.engine.closed).toBe(1);
  });

  test("says that its port is taken", async () => {
    const http = await testServer();
    await expect(testServer({ port: http.server.port })).rejects.toMatchObject({
      code: "port_in_use",
      detail: expect.stringContaining(String(http.server.port)),
    });
    await http.server.close();
  });
});
