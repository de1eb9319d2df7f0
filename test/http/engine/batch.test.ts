import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

let http: RealServer;
beforeAll(() =>
  shared(async () => {
    http = await realServer(temporaryFolder(), { maxBatchDocs: 50, maxTextBytes: 1000 });
  }),
);

const batch = (body: unknown): Promise<Answer> => http.call("POST", "/api/v1/documents/batch", body);
const ndjson = (body: string | Uint8Array, headers = {}): Promise<Answer> =>
  http.call("POST", "/api/v1/documents/batch", body, { "content-type": "application/x-ndjson", ...headers });
const textOf = async (id: string): Promise<unknown> => (await http.call("GET", `/api/v1/documents?id=${id}`)).body.text;
const codes = ({ body }: Answer): [number, string][] =>
  body.errors.map(({ index, code }: { index: number; code: string }) => [index, code]);

const bad: readonly (readonly [unknown, string])[] = [
  [{ id: "no text" }, "invalid_text"],
  [{ id: "number", text: 7 }, "invalid_text"],
  [{ id: "blank", text: " \n" }, "empty_text"],
  [{ id: "", text: "t" }, "invalid_id"],
  [{ id: 7, text: "t" }, "invalid_id"],
  [{ id: "x".repeat(513), text: "t" }, "invalid_id"],
  [{ id: "typo", text: "t", metdata: {} }, "unknown_field"],
  [{ id: "when", text: "t", created_at: "yesterday" }, "invalid_timestamp"],
  [{ id: "list", text: "t", metadata: [] }, "invalid_metadata"],
  [{ id: "wide", text: "t", metadata: { a: "x".repeat(65_600) } }, "metadata_too_large"],
  [{ id: "long", text: "x".repeat(1001) }, "text_too_large"],
  [{ id: "short vector", text: "t", embedding: [1, 2] }, "wrong_dimensions"],
  [{ id: "zeros", text: "t", embedding: [0, 0, 0, 0, 0, 0] }, "zero_vector"],
  [{ id: "words", text: "t", embedding: ["1", 2, 3, 4, 5, 6] }, "invalid_vector"],
  ["a string", "invalid_document"],
  [null, "invalid_document"],
];

describe("a batch", () => {
  test("stores every good document, whatever lies between them", async () => {
    const documents = bad.flatMap(([document], at) => [document, { id: `good ${at}`, text: `good ${at}` }]);
    const answer = await batch({ documents });
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(bad.length);
    expect(codes(answer)).toEqual(bad.map(([, code], at) => [at * 2, code]));
    for (const { detail } of answer.body.errors) expect(detail).toMatch(/^\S.{10,}$/);
    for (let at = 0; at < bad.length; at++) expect(await textOf(`good ${at}`)).toBe(`good ${at}`);
    expect((await http.call("GET", "/api/v1/collections/documents")).body.documents).toBe(bad.length);
  });

  test("of the same id twice stores the last, and says so of the others", async () => {
    const documents = [
      { id: "twice", text: "first" },
      { id: "once", text: "only" },
      { id: "twice", text: "second" },
      { id: "twice", text: "third" },
    ];
    const answer = await batch({ documents });
    expect(answer.body.accepted).toBe(2);
    expect(codes(answer)).toEqual([
      [0, "duplicate_id"],
      [2, "duplicate_id"],
    ]);
    expect(answer.body.errors[0]).toMatchObject({ id: "twice", detail: expect.stringContaining("index 3") });
    expect(await textOf("twice")).toBe("third");
  });

  test("that is empty is fine, and one that is too large stores nothing", async () => {
    expect((await batch({ documents: [] })).body).toEqual({ accepted: 0, errors: [] });
    const many = await batch({ documents: Array.from({ length: 51 }, (_, at) => ({ id: `many ${at}`, text: "t" })) });
    expect([many.status, many.body.code]).toEqual([413, "too_many_documents"]);
    expect((await http.call("GET", "/api/v1/documents?id=many 0")).status).toBe(404);
  });

  test("goes to the collection that it names", async () => {
    await batch({ documents: [{ id: "there", text: "t" }], collection: "elsewhere" });
    expect((await http.call("GET", "/api/v1/documents/there?collection=elsewhere")).status).toBe(200);
    expect((await http.call("GET", "/api/v1/documents/there")).status).toBe(404);
  });
});

describe("NDJSON", () => {
  test("stores every good line, and names the bad ones by line", async () => {
    const lines = [
      '{"id":"line 0","text":"zero"}',
      '{"id":"cut","text":',
      "",
      '["no document"]',
      '{"id":"line 4","text":"four"}\r',
      '{"id":"line 5","text":""}',
      '{"id":"line 6","text":"ü😀"}',
    ];
    const answer = await ndjson(lines.join("\n"));
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(3);
    expect(codes(answer)).toEqual([
      [1, "malformed_json"],
      [3, "invalid_document"],
      [5, "empty_text"],
    ]);
    expect([await textOf("line 0"), await textOf("line 4"), await textOf("line 6")]).toEqual(["zero", "four", "ü😀"]);
  });

  test("of more lines than a batch may have is stored whole, zipped too", async () => {
    const lines = Array.from({ length: 230 }, (_, at) => JSON.stringify({ id: `zipped ${at}`, text: `number ${at}` }));
    const answer = await ndjson(gzipSync(`${lines.join("\n")}\n`), { "content-encoding": "gzip" });
    expect(answer.body).toEqual({ accepted: 230, errors: [] });
    for (const at of [0, 49, 50, 229]) expect(await textOf(`zipped ${at}`)).toBe(`number ${at}`);
  });

  test("that holds no document at all says why of each line", async () => {
    const answer = await ndjson("these\nare\nwords");
    expect(answer.body.accepted).toBe(0);
    expect(codes(answer)).toEqual([0, 1, 2].map((line) => [line, "malformed_json"]));
  });
});
