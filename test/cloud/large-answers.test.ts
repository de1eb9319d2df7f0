import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { scopeOf } from "../../src/base/index.ts";
import { shared } from "../engine/support/engine.ts";
import { type Answer, callerOf } from "../http/support/server.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";
import { engineBeside } from "./support/shards.ts";

const scope = scopeOf("default", "documents");
const shards = 2;
const documentsOfShard = 10;
/** Below MAX_TEXT_BYTES; ten of them are more than a function can answer, and so is any shard of this test. */
const textBytes = 900_000;
const ids = Array.from({ length: shards * documentsOfShard }, (_, at) => `doc ${String(at).padStart(2, "0")}`);
const textOf = (id: string): string => `${id} ${"plain ".repeat(textBytes / 6)}`;

let cloud: TestCloud;
let stream: (method: string, path: string, body?: unknown) => Promise<Answer>;
/** Calls of leaf functions. */
let calls = 0;

beforeAll(() =>
  shared(async () => {
    cloud = await testCloud({
      leafFunctions: 2,
      // Every shard is asked of a leaf function, once.
      environment: { WHOLE_FILE_BELOW: "0", FAN_OUT_SHARDS: "1", LEAF_HEDGE_MS: "0" },
      onReport: ({ functionName }) => {
        if (functionName.includes("-leaf-")) calls++;
      },
    });
    stream = callerOf(cloud.streamUrl);
    const engine = await engineBeside(cloud);
    await engine.createCollection(scope, { dimensions: 2, embedding_model: "none", shard_max_docs: documentsOfShard });
    for (let from = 0; from < ids.length; from += documentsOfShard) {
      const some = ids.slice(from, from + documentsOfShard);
      await engine.putMany(
        scope,
        some.map((id, at) => ({ id, text: textOf(id), embedding: [1, (from + at) / 100] })),
      );
      await engine.fold(scope);
    }
  }),
);
beforeEach(() => {
  calls = 0;
});

const search = { vector: [1, 0], recall: "exact", include: ["text"], timeout_ms: 25_000 };
const sql = { sql: "SELECT id, text FROM documents ORDER BY id LIMIT 8" };

describe("an answer larger than the 6 MB that leave the gateway's function", () => {
  test("of a search is refused, and the refusal says what to do", async () => {
    const { status, body } = await cloud.call("POST", "/api/v1/search", { ...search, limit: ids.length });
    expect([status, body.code]).toEqual([413, "answer_too_large"]);
    expect(body.detail).toMatch(/smaller limit.*address that streams/);
    const fewer = await cloud.call("POST", "/api/v1/search", { ...search, limit: 3 });
    expect([fewer.status, fewer.body.results.length]).toEqual([200, 3]);
  });

  test("of SQL likewise", async () => {
    const { status, body } = await cloud.call("POST", "/api/v1/search/sql", sql);
    expect([status, body.code]).toEqual([413, "answer_too_large"]);
  });

  test("of a search leaves whole by the function that streams, whose leaves answer in parts", async () => {
    const { status, body } = await stream("POST", "/api/v1/search", { ...search, limit: ids.length });
    expect([status, body.degraded]).toEqual([200, false]);
    const results = body.results as { id: string; text: string }[];
    expect(results.map(({ id }) => id)).toEqual(ids);
    expect(results.filter(({ id, text }) => text !== textOf(id))).toEqual([]);
    // A leaf function answers with the texts of its shard: 9 MB take more calls than three texts do.
    const callsOfAll = calls;
    calls = 0;
    await stream("POST", "/api/v1/search", { ...search, limit: 3 });
    expect(calls).toBeGreaterThan(0);
    expect(callsOfAll).toBeGreaterThan(calls);
  });

  test("of SQL too", async () => {
    const { status, body } = await stream("POST", "/api/v1/search/sql", sql);
    expect([status, body.row_count]).toEqual([200, 8]);
    expect(body.rows).toEqual(ids.slice(0, 8).map((id) => [id, textOf(id)]));
  });
});
