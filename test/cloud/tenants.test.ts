import { beforeAll, expect, test } from "vitest";
import { shared } from "../engine/support/engine.ts";
import type { Answer } from "../http/support/server.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";

const tenants = Array.from({ length: 10 }, (_, at) => `tenant-${at}`);
const keyOf = (tenant: string): Record<string, string> => ({ authorization: `Bearer secret-of-${tenant}` });

let cloud: TestCloud;
beforeAll(() =>
  shared(async () => {
    const keys = tenants.map((tenant) => `secret-of-${tenant}=${tenant}:write`).join(",");
    cloud = await testCloud({ environment: { MOSAIC_API_KEYS: keys, MOSAIC_ALLOW_OPEN: "" } });
  }),
);

async function life(tenant: string): Promise<readonly Answer[]> {
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    cloud.call(method, path, body, keyOf(tenant));
  const document = { id: "same", text: `secret of ${tenant}`, embedding: [1, 0, 0] };
  const answers: Answer[] = [await call("POST", "/api/v1/documents", document)];
  for (let round = 0; round < 3; round++) {
    answers.push(await call("GET", "/api/v1/documents/same"));
    answers.push(await call("POST", "/api/v1/search", { vector: [1, 0, 0], limit: 100 }));
    answers.push(await call("GET", "/api/v1/collections"));
  }
  return answers;
}

test("ten tenants at once see their own documents and nobody else's", async () => {
  const lives = await Promise.all(tenants.map(life));
  lives.forEach((answers, at) => {
    const own = `secret of ${tenants[at]}`;
    expect(answers.map(({ status }) => status)).toEqual([201, ...Array.from({ length: 9 }, () => 200)]);
    for (const { body } of answers.slice(1)) {
      const texts =
        body.results?.map(({ text }: { text: string }) => text) ?? (body.text === undefined ? [] : [body.text]);
      expect(texts).toEqual(body.collections === undefined ? [own] : []);
      if (body.collections !== undefined) expect(body.collections).toHaveLength(1);
    }
  });
});

test("without a key, with a wrong one or for another tenant nothing is answered", async () => {
  const path = "/api/v1/documents/same";
  const statusOf = async (headers: Record<string, string>): Promise<number> =>
    (await cloud.call("GET", path, undefined, headers)).status;
  expect(await statusOf({})).toBe(401);
  expect(await statusOf({ authorization: "Bearer guessed" })).toBe(401);
  expect(await statusOf({ ...keyOf("tenant-1"), "x-mosaic-tenant": "tenant-2" })).toBe(403);
});
