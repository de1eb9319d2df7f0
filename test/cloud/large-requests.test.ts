import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../infra/local/lambda/function-spec.ts";
import type { Fate } from "../../infra/local/lambda/local-lambda.ts";
import { scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { shared } from "../engine/support/engine.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";
import { engineBeside } from "./support/shards.ts";

const scope = scopeOf("default", "documents");
const documentsOfShard = 7000;
/** The longest that an id may be: those that the tail replaces travel with the request, 3.5 MB of them for each shard. */
const ids = Array.from({ length: 2 * documentsOfShard }, (_, at) => String(at).padStart(5, "0").padEnd(512, "-"));
const embeddingOf = (at: number): number[] => [1, at / ids.length];
const search = { vector: [1, 0], recall: "exact", include: [], limit: 20, timeout_ms: 25_000 };

let cloud: TestCloud;
let engine: Mosaic;
/** What the leaf function was sent. */
let sent: Buffer[] = [];

beforeAll(
  () =>
    shared(async () => {
      cloud = await testCloud({
        leafFunctions: 1,
        // Every shard is asked of the leaf function.
        environment: { WHOLE_FILE_BELOW: "0", FAN_OUT_SHARDS: "1", LEAF_HEDGE_MS: "2000" },
      });
      engine = await engineBeside(cloud);
      await engine.createCollection(scope, {
        dimensions: 2,
        embedding_model: "none",
        shard_max_docs: documentsOfShard,
      });
      for (let from = 0; from < ids.length; from += documentsOfShard) {
        await write(from, from + documentsOfShard, "old");
        await engine.fold(scope);
      }
    }),
  600_000,
);
beforeEach(() => {
  sent = [];
  cloud.lambda.gate = (name, payload) => {
    if (name.includes("-leaf-")) sent.push(payload);
    return "run";
  };
});

async function write(from: number, to: number, text: string): Promise<void> {
  for (let at = from; at < to; at += 1000) {
    const some = ids.slice(at, Math.min(to, at + 1000));
    await engine.putMany(
      scope,
      some.map((id, more) => ({ id, text, embedding: embeddingOf(at + more) })),
    );
  }
}

describe("a call of a leaf function that takes long", () => {
  test("is made a second time, and the first answer of the two counts", async () => {
    const second = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    cloud.lambda.gate = async (name, payload): Promise<Fate> => {
      if (!name.includes("-leaf-")) return "run";
      sent.push(payload);
      if (sent.length === 1) await held.promise;
      else second.resolve();
      return "run";
    };
    const answering = cloud.call("POST", "/api/v1/search", search);
    await second.promise;
    const { status, body } = await answering;
    held.resolve();
    expect([status, body.degraded]).toEqual([200, false]);
    expect(body.results.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, search.limit));
    expect(sent[1]).toEqual(sent[0]);
  });
});

describe("a request larger than the 6 MB that a function takes", () => {
  test("goes out in parts, and nothing is missing or out of date", async () => {
    // All but the first ten of each shard are replaced, by documents that lie in the tail.
    for (let from = 0; from < ids.length; from += documentsOfShard)
      await write(from + 10, from + documentsOfShard, "new");
    const request = { ...search, include: ["text"], limit: 1000 } as const;
    const answer = await cloud.call("POST", "/api/v1/search", request);
    expect([answer.status, answer.body.degraded, answer.body.failed_shards]).toEqual([200, false, []]);
    const found = answer.body.results as { id: string; text: string }[];
    expect(found.map(({ id, text }) => [id, text])).toEqual(
      ids.slice(0, request.limit).map((id, at) => [id, at < 10 ? "old" : "new"]),
    );
    const sizes = sent.map(({ length }) => length);
    expect(sizes.filter((bytes) => bytes > limits.syncBytes)).toEqual([]);
    // A call that is made a second time carries the same.
    const different = new Set(sent.map((payload) => payload.toString()));
    const bytes = [...different].reduce((sum, payload) => sum + payload.length, 0);
    expect(bytes).toBeGreaterThan(limits.syncBytes);
  });
});
