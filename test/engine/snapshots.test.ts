import { describe, expect, test } from "vitest";
import { collectionName, scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { TestClock } from "./support/clock.ts";
import { docs, errorOf, openTestEngine, vectorsOf } from "./support/engine.ts";
import { allKeys, HookedStore } from "./support/stores.ts";

const query = [0.3, -0.2, 0.9, 0.1, -0.5, 0.4, 0.2, -0.1];
const copy = collectionName("copy");
const copied = scopeOf("acme", "copy");

async function put(engine: Mosaic, scope: typeof docs, ids: readonly string[], text: string): Promise<void> {
  const next = vectorsOf(ids.length, 8);
  await engine.putMany(
    scope,
    ids.map((id) => ({ id, text, embedding: next() })),
  );
}

async function textsOf(engine: Mosaic, scope: typeof docs, asOf?: number | string): Promise<Record<string, string>> {
  const request = {
    vector: query,
    limit: 100,
    recall: "exact" as const,
    ...(asOf === undefined ? {} : { as_of: asOf }),
  };
  const { results, degraded } = await engine.search(scope, request);
  expect(degraded).toBe(false);
  return Object.fromEntries(results.map(({ id, text }) => [id, text ?? ""]).sort());
}

const generationOf = async (engine: Mosaic): Promise<number> => (await engine.stats(docs)).generation;
const hour = 3_600_000;

async function opened() {
  const clock = new TestClock();
  const store = new MemoryStore(clock);
  const engine = await openTestEngine({ store, clock, settings: { gcGraceMs: 60_000, snapshotKeepMs: hour } });
  await put(engine, docs, ["a", "b", "c"], "first");
  await engine.fold(docs);
  return { clock, store, engine };
}

describe("a kept generation", () => {
  test("is read as it was, by number and by time, whatever happened since", async () => {
    const { clock, engine } = await opened();
    const first = await generationOf(engine);
    clock.advance(1000);
    const between = new Date(clock.now()).toISOString();
    clock.advance(1000);
    await put(engine, docs, ["b", "d"], "second");
    await engine.delete(docs, "a");
    await engine.fold(docs);
    await engine.jobEnded((await engine.compact(docs)).id);

    expect(await textsOf(engine, docs)).toEqual({ b: "second", c: "first", d: "second" });
    for (const asOf of [first, String(first), between]) {
      expect(await textsOf(engine, docs, asOf)).toEqual({ a: "first", b: "first", c: "first" });
      expect((await engine.get(docs, "a", { as_of: asOf })).text).toBe("first");
      expect(await errorOf(engine.get(docs, "d", { as_of: asOf }))).toMatchObject({ code: "document_not_found" });
    }
  });

  test("by time includes what was only in the log then", async () => {
    const { clock, engine } = await opened();
    await put(engine, docs, ["b"], "in the log");
    clock.advance(1000);
    const then = new Date(clock.now()).toISOString();
    clock.advance(1000);
    await put(engine, docs, ["b"], "later");
    await engine.fold(docs);
    expect(await textsOf(engine, docs, then)).toEqual({ a: "first", b: "in the log", c: "first" });
  });

  test("is gone after its time, and the answer says what is kept", async () => {
    const { clock, engine, store } = await opened();
    const first = await generationOf(engine);
    for (let round = 0; round < 4; round++) {
      await put(engine, docs, ["a", "b", "c"], `round ${round}`);
      await engine.fold(docs);
      clock.advance(2 * hour);
    }
    expect(await errorOf(engine.search(docs, { vector: query, as_of: first }))).toMatchObject({
      kind: "not_found",
      code: "snapshot_gone",
    });
    const shards = (await allKeys(store)).filter((key) => key.includes("/shards/"));
    expect(shards.length).toBeLessThanOrEqual(3);
    expect((await engine.verify(docs)).problems).toEqual([]);
  });

  test.each([0, -1, 1.5, "yesterday", "2024-13-01", 10 ** 9])("as of %s is refused", async (asOf) => {
    const { engine } = await opened();
    expect(await errorOf(engine.search(docs, { vector: query, as_of: asOf }))).toMatchObject({
      code: expect.stringMatching(/invalid_as_of|snapshot_gone/),
    });
  });
});

describe("a branch", () => {
  test("has the documents of its origin without a copy, and then a life of its own", async () => {
    const { engine, store } = await opened();
    const before = (await allKeys(store)).filter((key) => key.endsWith(".db"));
    await engine.branch(docs, copy);
    expect((await allKeys(store)).filter((key) => key.endsWith(".db"))).toEqual(before);
    await put(engine, copied, ["a", "new"], "in the branch");
    await engine.delete(docs, "c");
    expect(await textsOf(engine, docs)).toEqual({ a: "first", b: "first" });
    expect(await textsOf(engine, copied)).toEqual({ a: "in the branch", b: "first", c: "first", new: "in the branch" });
    for (const scope of [docs, copied]) expect((await engine.verify(scope)).problems).toEqual([]);
  });

  test("keeps the shards that it shares, whatever becomes of its origin, until it needs them no more", async () => {
    const { clock, engine, store } = await opened();
    await engine.branch(docs, copy);
    for (let round = 0; round < 5; round++) {
      await put(engine, docs, ["a", "b", "c"], `round ${round}`);
      await engine.fold(docs);
      await engine.gc(docs, true);
      clock.advance(2 * hour);
    }
    expect(await textsOf(engine, copied)).toEqual({ a: "first", b: "first", c: "first" });
    expect(await errorOf(engine.deleteCollection(docs))).toMatchObject({ code: "collection_has_branches" });
    await engine.deleteCollection(copied);
    await engine.deleteCollection(docs);
    expect((await allKeys(store)).filter((key) => key.endsWith(".db"))).toEqual([]);
  });

  test("of an older generation, and of a branch", async () => {
    const { engine } = await opened();
    const first = await generationOf(engine);
    await put(engine, docs, ["a"], "second");
    await engine.fold(docs);
    await engine.branch(docs, copy, first);
    await engine.branch(copied, collectionName("again"));
    const again = scopeOf("acme", "again");
    expect(await textsOf(engine, again)).toEqual({ a: "first", b: "first", c: "first" });
    expect(await errorOf(engine.deleteCollection(docs))).toMatchObject({ code: "collection_has_branches" });
    await engine.deleteCollection(again);
    await engine.deleteCollection(copied);
    await engine.deleteCollection(docs);
  });

  test("with the name of a collection that exists is refused", async () => {
    const { engine } = await opened();
    await engine.branch(docs, copy);
    expect(await errorOf(engine.branch(docs, copy))).toMatchObject({ code: "collection_exists" });
  });
});

describe("a rollback", () => {
  test("makes an older generation the current one, for every process, and can be rolled back", async () => {
    const { engine, store, clock } = await opened();
    const other = await openTestEngine({ store, clock });
    await put(other, docs, ["z"], "z");
    const first = await generationOf(engine);
    await put(engine, docs, ["b"], "second");
    await engine.delete(docs, "a");
    await engine.fold(docs);
    const second = await generationOf(engine);
    await put(engine, docs, ["c"], "in the log");
    await engine.rollback(docs, first);
    for (const one of [engine, other]) expect(await textsOf(one, docs)).toEqual({ a: "first", b: "first", c: "first" });
    await put(other, docs, ["new"], "after");
    await engine.rollback(docs, second);
    expect(await textsOf(other, docs)).toEqual({ b: "second", c: "first", z: "z" });
    await engine.fold(docs);
    expect((await engine.verify(docs)).problems).toEqual([]);
  });

  test("brings rows back that were dead for a compaction under way", async () => {
    const { engine, store, clock } = await opened();
    const first = await generationOf(engine);
    await engine.delete(docs, "b");
    await engine.fold(docs);
    const hooked = new HookedStore(store);
    let rolledBack = 0;
    hooked.onPut = async (key, put) => {
      if (key.includes("/shards/") && rolledBack++ === 0) await engine.rollback(docs, first);
      return await put();
    };
    const other = await openTestEngine({ store: hooked, clock });
    const job = await other.compact(docs);
    await other.jobEnded(job.id);
    expect(rolledBack).toBeGreaterThan(0);
    for (const one of [engine, other]) expect(await textsOf(one, docs)).toEqual({ a: "first", b: "first", c: "first" });
    expect((await engine.verify(docs)).problems).toEqual([]);
  });
});

describe("gc", () => {
  test("finds what a crash left behind, and deletes it by the second run after the grace", async () => {
    const { clock, engine, store } = await opened();
    const orphan = "tenants/acme/docs/shards/orphan.db";
    await store.put(orphan, Buffer.from("left behind"));
    expect((await engine.gc(docs, false)).orphans).toEqual([]); // it may be under way
    clock.advance(2 * hour);
    expect((await engine.gc(docs, false)).orphans).toEqual([{ key: orphan, bytes: 11 }]);
    expect(await store.head(orphan)).toBeDefined();
    await engine.gc(docs, true);
    expect(await store.head(orphan)).toBeDefined();
    clock.advance(2 * hour);
    await engine.gc(docs, true);
    expect(await store.head(orphan)).toBeUndefined();
    expect(await textsOf(engine, docs)).toEqual({ a: "first", b: "first", c: "first" });
  });
});
