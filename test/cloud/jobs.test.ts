import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { localName } from "../../infra/local/local-functions.ts";
import { shared } from "../engine/support/engine.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";

const api = "/api/v1";
let cloud: TestCloud;
/** Events that `maintain` was called with. */
let events: unknown[] = [];

beforeAll(() =>
  shared(async () => {
    cloud = await testCloud();
    const collection = { name: "documents", dimensions: 2, embedding_model: "none", shard_max_docs: 10 };
    expect((await cloud.call("POST", `${api}/collections`, collection)).status).toBe(201);
    const documents = Array.from({ length: 40 }, (_, at) => ({ id: `d${at}`, text: `text ${at}`, embedding: [at, 1] }));
    expect((await cloud.call("POST", `${api}/documents/batch`, { documents })).status).toBe(200);
  }),
);
beforeEach(() => {
  events = [];
  cloud.lambda.gate = (name, payload) => {
    if (name === localName("maintain")) events.push(JSON.parse(payload.toString()));
    return "run";
  };
});

const begun = async (): Promise<string> => {
  const { status, body } = await cloud.call("POST", `${api}/collections/documents/compact`);
  expect([status, body.job.status]).toEqual([202, "running"]);
  return body.job.id;
};
const statusOf = async (id: string): Promise<string> => (await cloud.call("GET", `${api}/jobs/${id}`)).body.status;

describe("long work that is asked for", () => {
  test("begins at once, without the schedule", async () => {
    const id = await begun();
    await expect.poll(() => statusOf(id)).toBe("done");
    expect(events).toEqual([{ job: { tenant: "default", id } }]);
    const { body } = await cloud.call("POST", `${api}/search`, { vector: [1, 1], limit: 40 });
    expect([body.results.length, body.degraded]).toEqual([40, false]);
  });

  test("is done by the next scheduled run when the call is refused", async () => {
    cloud.lambda.gate = (name) => (name === localName("maintain") ? "throttle" : "run");
    const id = await begun();
    cloud.lambda.gate = undefined;
    expect(await statusOf(id)).toBe("running");
    expect((await cloud.invoke("maintain", {})).outcome.kind).toBe("answer");
    await expect.poll(() => statusOf(id)).toBe("done");
  });

  test("that is over and forgotten when its call comes is no failure; a call that names none is", async () => {
    const { outcome } = await cloud.invoke("maintain", { job: { tenant: "default", id: "1m8rt57292khrx6bqa1an" } });
    expect(outcome.kind === "answer" && JSON.parse(outcome.body.toString())).toMatchObject({ status: "gone" });
    expect((await cloud.invoke("maintain", { job: {} })).outcome.kind).toBe("fault");
  });
});
