import { beforeAll, describe, expect, test } from "vitest";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { behindGateway } from "../support/gateway-server.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

let http: RealServer;
beforeAll(() =>
  shared(async () => {
    http = await realServer(temporaryFolder());
  }),
);

const of = (name: string): string => `/api/v1/collections/${name}`;
const post = (path: string, body?: unknown, headers = {}): Promise<Answer> => http.call("POST", path, body, headers);
const put = (collection: string, id: string, text: string): Promise<Answer> =>
  post("/api/v1/documents", { id, text, collection });
const codeOf = ({ status, body }: Answer): unknown[] => [status, body.code];
const generationOf = async (name: string): Promise<number> =>
  (await http.call("GET", `${of(name)}/stats`)).body.generation;

async function folded(name: string, texts: Readonly<Record<string, string>>): Promise<number> {
  for (const [id, text] of Object.entries(texts)) await put(name, id, text);
  await http.engine.fold({ tenant: "default", collection: name } as Parameters<typeof http.engine.fold>[0]);
  return await generationOf(name);
}

async function textsOf(collection: string, as_of?: number | string): Promise<Record<string, string>> {
  const answer = await post("/api/v1/search", { query: "text", limit: 100, recall: "exact", collection, as_of });
  expect(answer.status).toBe(200);
  const hits = answer.body.results as { id: string; text: string }[];
  return Object.fromEntries(hits.map(({ id, text }) => [id, text]).sort());
}

async function over(id: string): Promise<Answer["body"]> {
  for (;;) {
    const { body } = await http.call("GET", `/api/v1/jobs/${id}`);
    if (body.status !== "running") return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("compaction", () => {
  test("is a job that is begun at once and followed to its end", async () => {
    for (const part of ["a", "b", "c"]) await folded("compacted", { [part]: `text ${part}`, same: `text of ${part}` });
    const begun = await post(`${of("compacted")}/compact`);
    const { id } = begun.body.job;
    expect([begun.status, begun.headers.get("location")]).toEqual([202, `/api/v1/jobs/${id}`]);
    expect(begun.body.job).toMatchObject({ kind: "compact", collection: "compacted", status: "running" });
    const job = await over(id);
    expect(job).toMatchObject({ id, status: "done", error: null, result: { shards_after: 1 } });
    expect(job.progress.done).toBe(job.progress.total);
    expect(await textsOf("compacted")).toEqual({ a: "text a", b: "text b", c: "text c", same: "text of c" });
    expect((await http.call("DELETE", `/api/v1/jobs/${id}`)).body.status).toBe("done");
  });

  test("of what is not there, and jobs of other tenants, are not found", async () => {
    expect(codeOf(await post(`${of("nowhere")}/compact`))).toEqual([404, "collection_not_found"]);
    await folded("mine", { a: "text" });
    const { id } = (await post(`${of("mine")}/compact`)).body.job;
    await over(id);
    for (const [path, headers] of [
      [`/api/v1/jobs/${id}`, { "x-mosaic-tenant": "other" }],
      ["/api/v1/jobs/nothing", {}],
      // For the gateway a hidden slash is one like any other: there is nothing at such an address.
      ...(behindGateway ? [] : ([["/api/v1/jobs/..%2F..%2Fkeys", {}]] as const)),
    ] as const)
      for (const method of ["GET", "DELETE"])
        expect(codeOf(await http.call(method, path, undefined, headers))).toEqual([404, "job_not_found"]);
  });
});

describe("as_of", () => {
  test("reads and searches a generation or a time", async () => {
    const first = await folded("dated", { a: "text one" });
    const between = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await folded("dated", { a: "text two", b: "text new" });
    for (const asOf of [first, String(first), between]) {
      expect(await textsOf("dated", asOf)).toEqual({ a: "text one" });
      const a = await http.call("GET", `/api/v1/documents/a?collection=dated&as_of=${encodeURIComponent(asOf)}`);
      expect(a.body.text).toBe("text one");
      const b = await http.call("GET", `/api/v1/documents?id=b&collection=dated&as_of=${encodeURIComponent(asOf)}`);
      expect(codeOf(b)).toEqual([404, "document_not_found"]);
    }
  });

  test.each([
    ["yesterday", 400, "invalid_as_of"],
    ["0", 400, "invalid_as_of"],
    [0, 400, "invalid_field"],
    [1.5, 400, "invalid_field"],
    [99_999, 404, "snapshot_gone"],
    ["2001-01-01T00:00:00Z", 404, "snapshot_gone"],
  ])("%s is refused", async (as_of, status, code) => {
    await put("dated", "x", "text");
    const body = { query: "text", collection: "dated", as_of };
    expect(codeOf(await post("/api/v1/search", body))).toEqual([status, code]);
    expect(codeOf(await post(`${of("dated")}/rollback`, { as_of }))).toEqual([status, code]);
    expect(codeOf(await post(`${of("dated")}/branch`, { name: "never", as_of }))).toEqual([status, code]);
    expect((await http.call("GET", of("never"))).status).toBe(404);
  });
});

describe("a branch", () => {
  test("is a collection of its own", async () => {
    const first = await folded("trunk", { a: "text one", b: "text one" });
    await folded("trunk", { a: "text two" });
    const made = await post(`${of("trunk")}/branch`, { name: "limb", as_of: first });
    expect([made.status, made.headers.get("location")]).toEqual([201, of("limb")]);
    expect(made.body).toMatchObject({ name: "limb", documents: 2 });
    await put("limb", "c", "text of limb");
    await put("trunk", "d", "text of trunk");
    expect(await textsOf("limb")).toEqual({ a: "text one", b: "text one", c: "text of limb" });
    expect(await textsOf("trunk")).toEqual({ a: "text two", b: "text one", d: "text of trunk" });
    expect(codeOf(await post(`${of("trunk")}/branch`, { name: "limb" }))).toEqual([409, "collection_exists"]);
    expect(codeOf(await post(`${of("trunk")}/branch`, { name: "No" }))).toEqual([400, "invalid_collection_name"]);
    expect(codeOf(await http.call("DELETE", of("trunk")))).toEqual([409, "collection_has_branches"]);
    expect((await http.call("DELETE", of("limb"))).status).toBe(200);
    expect((await http.call("DELETE", of("trunk"))).status).toBe(200);
  });
});

test("a rollback is undone by another", async () => {
  const first = await folded("rolled", { a: "text one" });
  const second = await folded("rolled", { a: "text two", b: "text new" });
  const back = await post(`${of("rolled")}/rollback`, { as_of: first });
  expect([back.status, back.body.documents]).toEqual([200, 1]);
  expect(await textsOf("rolled")).toEqual({ a: "text one" });
  expect((await post(`${of("rolled")}/rollback`, { as_of: second })).body.documents).toBe(2);
  expect(await textsOf("rolled")).toEqual({ a: "text two", b: "text new" });
  expect(codeOf(await post(`${of("rolled")}/rollback`, {}))).toEqual([400, "invalid_field"]);
});

test("garbage is looked at unless it is to be collected", async () => {
  await folded("tidy", { a: "text" });
  const nothing = { orphans: [], bytes: 0 };
  expect((await post(`${of("tidy")}/gc`, {})).body).toMatchObject({ ...nothing, collected: false });
  expect((await post(`${of("tidy")}/gc`, { dry_run: false })).body).toMatchObject({ ...nothing, collected: true });
  expect(codeOf(await post(`${of("nowhere")}/gc`, {}))).toEqual([404, "collection_not_found"]);
  expect(codeOf(await post(`${of("tidy")}/gc`, { dry_run: "no" }))).toEqual([400, "invalid_field"]);
});
