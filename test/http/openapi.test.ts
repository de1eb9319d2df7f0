import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settingsFrom, silentLogger, systemClock, systemRandom } from "../../src/base/index.ts";
import { createApp, operations } from "../../src/http/index.ts";
import { MemoryEngine } from "./support/memory-engine.ts";
import { type TestServer, testServer } from "./support/server.ts";

interface Node {
  readonly [key: string]: unknown;
}
interface Described extends Node {
  readonly operationId: string;
  readonly responses: Record<string, { description: string; content?: Record<string, { schema: Node }> }>;
  readonly parameters?: readonly { name: string; in: string; required?: boolean }[];
  readonly requestBody?: { content: Record<string, { schema: Node; example?: unknown }> };
}
interface Document extends Node {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Described>>;
  readonly components: { readonly schemas: Record<string, Node> };
}

let http: TestServer;
let document: Document;
beforeAll(async () => {
  http = await testServer();
  document = (await http.call("GET", "/openapi.json")).body as Document;
});
afterAll(() => http.server.close());

const described = (): [string, string, Described][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]): [string, string, Described] => [method, path, call]),
  );

function* nodes(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  yield value as Node;
  for (const member of Object.values(value)) yield* nodes(member);
}

describe("the OpenAPI document", () => {
  test("holds every route of the app, and no other", () => {
    const app = createApp(new MemoryEngine(), settingsFrom({}, {}), {
      logger: silentLogger,
      clock: systemClock,
      random: systemRandom,
    });
    const pages = ["GET /docs", "GET /openapi.json"];
    const routes = app.routes
      .filter(({ method, path }) => method !== "ALL" && path !== "/*")
      .map(({ method, path }) => `${method} ${path}`);
    const inDocument = described().map(
      ([method, path]) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
    );
    expect([...inDocument, ...pages].sort()).toEqual(routes.sort());
    expect(described()).toHaveLength(operations.length);
  });

  test("is OpenAPI 3.1 whose references all lead somewhere, with unique operation ids", () => {
    expect(document.openapi).toBe("3.1.0");
    const refs = [...nodes(document)].map((node) => node.$ref).filter((ref) => typeof ref === "string");
    expect(refs.length).toBeGreaterThan(20);
    for (const ref of refs)
      expect(Object.keys(document.components.schemas)).toContain(ref.replace("#/components/schemas/", ""));
    const ids = described().map(([, , call]) => call.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("declares each path's variables, and only those", () => {
    for (const [, path, call] of described()) {
      const inPath = (call.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required === true)).toBe(true);
    }
  });

  test("describes a success and the problems of each call, as problem+json", () => {
    for (const [, , call] of described()) {
      const statuses = Object.keys(call.responses);
      expect(statuses.some((status) => status.startsWith("2"))).toBe(true);
      expect(statuses).toEqual(expect.arrayContaining(["400", "403", "500"]));
      for (const [status, { description, content }] of Object.entries(call.responses)) {
        expect(description).not.toBe("");
        if (status >= "400") expect(Object.keys(content ?? {})).toEqual(["application/problem+json"]);
      }
    }
  });

  test("refuses unknown fields in every request body, as the server does", () => {
    for (const [, , call] of described()) {
      for (const { schema } of Object.values(call.requestBody?.content ?? {})) {
        const name = String(schema.$ref).replace("#/components/schemas/", "");
        expect(document.components.schemas[name]?.additionalProperties, name).toBe(false);
      }
    }
  });

  test("gives examples that the server takes", async () => {
    for (const [method, path, call] of described()) {
      const media = call.requestBody?.content["application/json"];
      if (media === undefined) continue;
      const example =
        media.example ?? document.components.schemas[String(media.schema.$ref).split("/").at(-1) ?? ""]?.example;
      const address =
        path.replace("{id}", "doc1").replace("{name}", "documents") +
        (call.operationId.endsWith("ById") ? "?id=doc1" : "");
      const answer = await http.call(method.toUpperCase(), address, example);
      expect([200, 201, 202], `${method} ${path}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
    }
  });
});

describe("the page", () => {
  test("shows every call with an example, and asks for nothing from elsewhere", async () => {
    const answer = await http.call("GET", "/docs");
    const page = answer.body as string;
    for (const { operationId } of operations) expect(page).toContain(`<section id="${operationId}">`);
    expect(page.match(/<pre>curl -s/g)).toHaveLength(operations.length);
    expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test("escapes what it is given", async () => {
    const settings = settingsFrom({ allowOpen: true }, {});
    const app = createApp(new MemoryEngine(), settings, {
      logger: silentLogger,
      clock: systemClock,
      random: systemRandom,
    });
    const page = await (await app.request("http://a'b&c.example/docs")).text();
    expect(page).toContain("http://a&#39;b&amp;c.example");
    expect(page).not.toContain("a'b");
  });
});
