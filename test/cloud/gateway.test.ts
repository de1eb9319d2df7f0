import { beforeAll, describe, expect, test } from "vitest";
import { shared } from "../engine/support/engine.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";

let cloud: TestCloud;
beforeAll(() =>
  shared(async () => {
    cloud = await testCloud();
  }),
);

describe("the API behind the gateway", () => {
  test("keeps a document, finds it, and forgets it", async () => {
    const made = await cloud.call("POST", "/api/v1/documents", { id: "a", text: "one", embedding: [1, 0, 0] });
    expect(made.status).toBe(201);
    const found = await cloud.call("POST", "/api/v1/search", { vector: [1, 0, 0] });
    expect(found.body.results.map(({ id }: { id: string }) => id)).toEqual(["a"]);
    expect((await cloud.call("DELETE", "/api/v1/documents/a")).body).toEqual({ id: "a", deleted: true });
    expect((await cloud.call("GET", "/api/v1/documents/a")).status).toBe(404);
  });
});

describe("the address that streams", () => {
  test("answers with problem documents too", async () => {
    const answer = await fetch(`${cloud.streamUrl}/api/v1/search/stream?query=streamed`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    expect(await answer.json()).toMatchObject({ code: "embedding_required" });
  });
});
