import { describe, expect, test } from "vitest";
import { scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { type GetOptions, type GetResult, MemoryStore, type ObjectInfo } from "../../src/store/index.ts";
import { TestClock } from "./support/clock.ts";
import { docs, errorOf, openTestEngine, vectorsOf } from "./support/engine.ts";
import { allKeys, PassingStore } from "./support/stores.ts";

const prefix = "tenants/acme/docs/";

/** Does something else just before a key is fetched for the first time. */
class Interrupted extends PassingStore {
  before: { readonly key: RegExp; readonly task: () => Promise<void> } | undefined;

  override async get(key: string, options?: GetOptions): Promise<GetResult> {
    await this.#interrupt(key);
    return await super.get(key, options);
  }
  override async download(key: string, path: string): Promise<ObjectInfo | undefined> {
    await this.#interrupt(key);
    return await super.download(key, path);
  }

  async #interrupt(key: string): Promise<void> {
    const { before } = this;
    if (before === undefined || !before.key.test(key)) return;
    this.before = undefined;
    await before.task();
  }
}

async function write(engine: Mosaic, from: number, count: number): Promise<void> {
  const next = vectorsOf(from, 8);
  const documents = Array.from({ length: count }, (_, at) => ({
    id: `doc ${from + at}`,
    text: `text ${from + at}`,
    embedding: next(),
  }));
  await engine.putMany(docs, documents);
  await engine.fold(docs);
}

/** Merges all shards into new ones, and deletes the old ones' objects at once, as if their grace had passed. */
async function replaceShards(writer: Mosaic, store: MemoryStore): Promise<void> {
  const old = (await allKeys(store, prefix)).filter((key) => /\/(shards|summaries)\//.test(key));
  const { id } = await writer.compact(docs);
  await writer.jobEnded(id);
  expect(await writer.job(docs.tenant, id)).toMatchObject({ status: "done" });
  for (const key of old) await store.delete(key);
}

async function furnished(): Promise<{ store: MemoryStore; writer: Mosaic; interrupted: Interrupted; reader: Mosaic }> {
  const store = new MemoryStore();
  const writer = await openTestEngine({ store });
  await write(writer, 0, 20);
  await write(writer, 20, 20);
  const interrupted = new Interrupted(store);
  return { store, writer, interrupted, reader: await openTestEngine({ store: interrupted }) };
}

const query = { vector: vectorsOf(9, 8)(), limit: 100, recall: "exact" } as const;

describe("shards that are replaced and deleted while a reader is between manifest and objects", () => {
  test.each([
    ["the summaries, opening the collection", /\/summaries\//],
    ["the shards, searching", /\/shards\//],
  ])("%s: the manifest is read again, and the answer is whole", async (_, key) => {
    const { store, writer, interrupted, reader } = await furnished();
    interrupted.before = { key, task: () => replaceShards(writer, store) };
    const answer = await reader.search(docs, query);
    expect(interrupted.before).toBeUndefined();
    expect(answer).toMatchObject({ degraded: false, failed_shards: [] });
    expect(answer.results.length).toBe(40);
  });

  test("the summaries, when a reader that knows the collection learns of a newer manifest", async () => {
    const { store, writer, interrupted, reader } = await furnished();
    await reader.search(docs, query);
    await write(writer, 40, 10);
    interrupted.before = { key: /\/summaries\//, task: () => replaceShards(writer, store) };
    expect((await reader.search(docs, query)).results.length).toBe(50);
    expect(interrupted.before).toBeUndefined();
  });

  test("the shards, reading one document and counting them", async () => {
    const { store, writer, interrupted, reader } = await furnished();
    interrupted.before = { key: /\/shards\//, task: () => replaceShards(writer, store) };
    expect((await reader.get(docs, "doc 7")).text).toBe("text 7");
    expect(interrupted.before).toBeUndefined();
    expect((await reader.collection(docs)).documents).toBe(40);
  });

  test("a summary that is gone under the newest manifest stays an error", async () => {
    const { store, reader } = await furnished();
    for (const key of await allKeys(store, prefix)) if (key.includes("/summaries/")) await store.delete(key);
    expect(await errorOf(reader.search(docs, query))).toMatchObject({ kind: "data", code: "object_missing" });
    expect(await errorOf(reader.search(scopeOf("acme", "other"), query))).toMatchObject({ kind: "not_found" });
  });
});

describe("a shard that can't be read, with rows that newer documents replaced", () => {
  /** Leaves out one object. */
  class Lossy extends PassingStore {
    victim = "";
    override async get(key: string, options?: GetOptions): Promise<GetResult> {
      return key === this.victim ? { status: "absent" } : await super.get(key, options);
    }
    override async download(key: string, path: string): Promise<ObjectInfo | undefined> {
      return key === this.victim ? undefined : await super.download(key, path);
    }
  }

  test.each([{ vector: query.vector }, {}])("costs a search by words itself alone (%o)", async (more) => {
    const store = new Lossy(new MemoryStore());
    const writer = await openTestEngine({ store });
    await write(writer, 0, 20);
    const [victim = ""] = (await allKeys(store, prefix)).filter((key) => /\/shards\//.test(key));
    await write(writer, 20, 20);
    await writer.put(docs, { id: "doc 3", text: "text replaced", embedding: query.vector });
    const ranker = { scorers: [{ name: "bm25", weight: 1 }], fusion: "max" } as const;
    const request = { query: "text", limit: 100, ...more, ...("vector" in more ? {} : { ranker }) };
    const whole = await writer.hybrid(docs, request);
    expect([whole.degraded, whole.results.length]).toEqual([false, 40]);
    store.victim = victim;
    const reader = await openTestEngine({ store });
    const answer = await reader.hybrid(docs, request);
    expect(answer.failed_shards.map(({ code }) => code)).toEqual(["object_missing"]);
    expect(answer.results.length).toBe(21);
    store.victim = "";
    await expect.poll(async () => (await reader.hybrid(docs, request)).results).toEqual(whole.results);
  });
});

test("what a process knows without looking at storage is never older than half of the grace", async () => {
  const clock = new TestClock();
  const store = new MemoryStore();
  const gcGraceMs = 60_000;
  const open = () => openTestEngine({ store, clock, settings: { gcGraceMs } });
  const [writer, reader] = [await open(), await open()];
  await write(writer, 0, 20);
  const eventual = { ...query, consistency: "eventual" } as const;
  expect((await reader.search(docs, eventual)).results.length).toBe(20);
  await write(writer, 20, 20);
  clock.advance(gcGraceMs / 2 - 1);
  expect((await reader.search(docs, eventual)).results.length).toBe(20);
  clock.advance(1);
  expect((await reader.search(docs, eventual)).results.length).toBe(40);
});
