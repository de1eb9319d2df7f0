import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { scopeOf } from "../../src/base/index.ts";
import { shared } from "../engine/support/engine.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";
import { documentsOfShard, type FilledCloud, filled } from "./support/shards.ts";

const shards = 50;
const leafFunctions = 4;
const scope = scopeOf("default", "documents");
const leaf = (name: string): boolean => name.includes("-leaf-");

let cloud: TestCloud;
let data: FilledCloud;
/** Names of leaf functions, once for each call of them. */
let calls: string[] = [];

beforeAll(() =>
  shared(async () => {
    cloud = await testCloud({
      leafFunctions,
      // The shards of a test are small, and would not be worth a call; nor does the root read any, and keep it at last.
      environment: { WHOLE_FILE_BELOW: "0", FAN_OUT_SHARDS: "1", LEAF_HEDGE_MS: "0" },
      onReport: ({ functionName }) => {
        if (leaf(functionName)) calls.push(functionName);
      },
    });
    data = await filled(cloud, shards);
  }),
);
beforeEach(() => {
  calls = [];
  cloud.lambda.gate = undefined;
});

const nearest = { limit: 30, recall: "exact", include: ["text", "metadata"] } as const;

async function expectComplete(more: object = {}, searched = shards): Promise<void> {
  const request = { ...nearest, vector: data.vector, ...more };
  const answer = await cloud.call("POST", "/api/v1/search", request);
  const expected = await data.engine.search(scope, request);
  expect([answer.status, answer.body.degraded, answer.body.failed_shards]).toEqual([200, false, []]);
  expect(answer.body.results).toEqual(expected.results);
  expect(answer.body.stats.shards_searched).toBe(searched);
}

describe("a search over 50 shards", () => {
  test("asks each leaf function once, and answers what one process would", async () => {
    await expectComplete();
    expect(calls.filter((name, at) => calls.indexOf(name) === at)).toHaveLength(leafFunctions);
  });

  test("by words too", async () => {
    // Which candidates are found is estimated, by each leaf for its shards, unless every vector is looked at.
    const request = { query: "fizz", vector: data.vector, limit: 20, recall: "exact" } as const;
    const answer = await cloud.call("POST", "/api/v1/search/hybrid", request);
    const expected = await data.engine.hybrid(scope, request);
    expect([answer.status, answer.body.degraded]).toEqual([200, false]);
    expect(answer.body.results).toEqual(expected.results);
    expect(calls.length).toBeGreaterThanOrEqual(leafFunctions);
  });

  test("with a filter, which leaves out the shards that hold no such row", async () => {
    await expectComplete({ where: "metadata->>'at' >= 500" }, shards / 2);
  });

  test("costs what its leaves spent, and their calls", async () => {
    const { body } = await cloud.call("POST", "/api/v1/search", { ...nearest, vector: data.vector });
    const { cost } = body.stats;
    expect(cost.usd).toBeGreaterThan(calls.length * 0.2e-6 + cost.get_requests * 0.4e-6);
  });
});

describe("a leaf that is killed in the middle", () => {
  test("is asked again, and nothing is missing", async () => {
    let killed = 0;
    cloud.lambda.gate = (name) => (leaf(name) && killed++ === 0 ? "kill" : "run");
    await expectComplete();
    expect(killed).toBeGreaterThan(1);
  });

  test("every time costs its shards, which are named; the others answer", async () => {
    const victim = "mosaic-local-leaf-1";
    cloud.lambda.gate = (name) => (name === victim ? "kill" : "run");
    const { body } = await cloud.call("POST", "/api/v1/search", { ...nearest, vector: data.vector, limit: 1000 });
    const failed = body.failed_shards as { shard: string; code: string }[];
    expect(body.degraded).toBe(true);
    expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(["leaf_failed"]));
    expect(failed.length).toBeGreaterThan(0);
    expect(body.results).toHaveLength((shards - failed.length) * documentsOfShard);
  });
});

describe("a leaf out of memory", () => {
  test("costs its shards, which are named", async () => {
    const victim = "mosaic-local-leaf-2";
    const memoryMb = 1769;
    // Less than Node alone takes.
    cloud.lambda.configure(victim, { memoryMb: 8 });
    const { body } = await cloud.call("POST", "/api/v1/search", { ...nearest, vector: data.vector, limit: 1000 });
    cloud.lambda.configure(victim, { memoryMb });
    const failed = body.failed_shards as { shard: string; code: string }[];
    expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(["leaf_failed"]));
    expect(body.results).toHaveLength((shards - failed.length) * documentsOfShard);
    await expectComplete();
  });
});

describe("throttling", () => {
  test("makes fewer leaves run at once, and nobody sees it", async () => {
    const refusal = Promise.withResolvers<void>();
    let first = true;
    let room = false;
    let refused = 0;
    cloud.lambda.gate = async (name) => {
      if (!leaf(name)) return "run";
      if (first) {
        // It takes all the room that there is, until another was refused.
        first = false;
        await refusal.promise;
        room = true;
        return "run";
      }
      if (room) return "run";
      refused++;
      refusal.resolve();
      return "throttle";
    };
    await expectComplete();
    expect(refused).toBeGreaterThan(0);
    expect(calls.length).toBeGreaterThanOrEqual(leafFunctions);
  });

  test("of everything leaves the root to answer itself", async () => {
    cloud.lambda.gate = (name) => (leaf(name) ? "throttle" : "run");
    await expectComplete();
    expect(calls).toEqual([]);
  });
});
