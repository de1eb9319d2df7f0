import { describe, expect, test } from "vitest";
import { type IngestParts, ingestBatch } from "../../functions/inbox/ingest-batch.ts";
import { keysOf, messageOf, placeOf } from "../../functions/inbox/queue-event.ts";
import { silentLogger } from "../../src/base/index.ts";
import type { Taken } from "../../src/engine/index.ts";
import { lines, textsOf, world } from "./support/world.ts";

const place = placeOf("s3://files/mosaic/");
const created = (key: string, bucket = "files", eventName = "ObjectCreated:Put"): unknown => ({
  eventName,
  s3: { bucket: { name: bucket }, object: { key } },
});
const bodyOf = (...records: readonly unknown[]): string => JSON.stringify({ Records: records });

describe("a message of S3", () => {
  test.each<[string, string, string[]]>([
    ["an object", bodyOf(created("mosaic/inbox/a/b/c.ndjson")), ["inbox/a/b/c.ndjson"]],
    ["a key as in a form", bodyOf(created("mosaic/inbox/a/b/x+y%2Bz%C3%BC.csv")), ["inbox/a/b/x y+zü.csv"]],
    ["several", bodyOf(created("mosaic/1"), created("mosaic/2", "files", "ObjectCreated:Copy")), ["1", "2"]],
    ["a removal", bodyOf(created("mosaic/1", "files", "ObjectRemoved:Delete")), []],
    ["another bucket", bodyOf(created("mosaic/1", "other")), []],
    ["another storage of the bucket", bodyOf(created("elsewhere/1")), []],
    ["S3's test", JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "files" }), []],
  ])("%s", (_name, body, keys) => {
    expect(keysOf(body, place)).toEqual(keys);
  });

  test.each(["not json", "{}", "[]", bodyOf({ eventName: "ObjectCreated:Put" }), bodyOf(created("%"))])(
    "%s is none",
    (body) => {
      expect(() => keysOf(body, place)).toThrow();
    },
  );

  test("that we send says the same of any key", () => {
    for (const key of ["inbox/a/b/c.ndjson", "inbox/a/b/x y+z%ü&.csv"])
      for (const at of [place, placeOf("s3://files")]) expect(keysOf(messageOf(key, at), at)).toEqual([key]);
  });

  test("comes from a bucket", () => {
    expect(placeOf("s3://b")).toEqual({ bucket: "b", prefix: "" });
    expect(() => placeOf("./data")).toThrow();
  });
});

describe("a batch of messages", () => {
  const message = (messageId: string, key: string, received = 1) => ({
    messageId,
    body: bodyOf(created(`mosaic/${key}`)),
    attributes: { ApproximateReceiveCount: String(received) },
  });
  const partsFor = (take: IngestParts["take"], sent: string[] = []): IngestParts => ({
    place,
    take,
    again: async (key) => void sent.push(key),
    reserveMs: 1000,
    logger: silentLogger,
  });
  const plenty = (): number => 60_000;
  const failed = async (...args: Parameters<typeof ingestBatch>): Promise<string[]> =>
    (await ingestBatch(...args)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

  test("is done but for those that fail: each comes back alone", async () => {
    const w = world();
    for (const name of ["a", "b", "c"]) await w.drop(`acme/docs/${name}.ndjson`, lines(2, name.charCodeAt(0)));
    const parts = partsFor((key, remaining) =>
      key.includes("/b.") ? Promise.reject(new Error("broken")) : w.inbox.take(key, remaining),
    );
    const records = ["a", "b", "c"].map((name) => message(name, `inbox/acme/docs/${name}.ndjson`));
    const unreadable = { messageId: "d", body: "not json" };
    expect(await failed([...records, unreadable], parts, plenty)).toEqual(["b", "d"]);
    expect(w.sink.texts()).toEqual([...textsOf(2, 97), ...textsOf(2, 99)].sort());
  });

  test("hands on what it has no time for, and what it had to put down", async () => {
    const sent: string[] = [];
    const paused = async (key: string): Promise<Taken> => ({ status: "paused", key, accepted: 1 });
    let calls = 0;
    const remaining = (): number => (++calls === 1 ? 5000 : 0);
    const records = ["a", "b"].map((name) => message(name, `inbox/acme/docs/${name}.ndjson`));
    expect(await failed(records, partsFor(paused, sent), remaining)).toEqual([]);
    expect(sent).toEqual(["inbox/acme/docs/a.ndjson", "inbox/acme/docs/b.ndjson"]);
  });

  test("leaves a file to the one that holds it, unless that one may be dead", async () => {
    const held = async (key: string): Promise<Taken> => ({ status: "held", key });
    expect(await failed([message("a", "inbox/a/b/c.txt", 1)], partsFor(held), plenty)).toEqual([]);
    expect(await failed([message("a", "inbox/a/b/c.txt", 2)], partsFor(held), plenty)).toEqual(["a"]);
  });

  test("that can't hand a file on lets it come back", async () => {
    const parts = {
      ...partsFor(async (key) => ({ status: "paused", key, accepted: 0 })),
      again: () => Promise.reject(new Error()),
    };
    expect(await failed([message("a", "inbox/a/b/c.txt")], parts, plenty)).toEqual(["a"]);
  });
});
