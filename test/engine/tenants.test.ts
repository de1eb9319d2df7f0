import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scopeOf, tenantName } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { FolderStore, MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { errorOf, openTestEngine, temporaryFolder } from "./support/engine.ts";
import { allKeys } from "./support/stores.ts";

const ours = scopeOf("acme", "docs");
const theirs = scopeOf("acme-2", "docs");
const near = [1, 0.01, 0, 0];
const secret = { id: "shared id", text: "their secret", embedding: [1, 0, 0, 0], metadata: { of: "theirs" } };

/** Two tenants with a collection of the same name and the same ids; theirs holds what the query is nearest to. */
async function furnished(store: ObjectStore, options: { readonly folded: boolean; readonly cachePath?: string }) {
  const settings = options.cachePath === undefined ? {} : { cachePath: options.cachePath };
  const engine = await openTestEngine({ store, settings });
  await engine.putMany(theirs, [secret, { id: "only theirs", text: "also theirs", embedding: [1, -0.5, 0, 0] }]);
  await engine.putMany(ours, [
    { id: "shared id", text: "our own", embedding: [0, 1, 0, 0], metadata: { of: "ours" } },
    { id: "far", text: "our far one", embedding: [0, 0, 1, 0] },
  ]);
  if (options.folded) {
    await engine.fold(theirs);
    await engine.fold(ours);
  }
  return engine;
}

async function ourAnswers(engine: Mosaic, recall: "fast" | "balanced" | "exact"): Promise<string[]> {
  const include = ["text", "metadata", "embedding"] as const;
  const { results } = await engine.search(ours, { vector: near, limit: 1000, recall, include: [...include] });
  return results.map(({ text }) => text ?? "");
}

describe.each([
  ["in the log", false],
  ["in shards", true],
])("a tenant whose documents lie %s can't reach another's", (_where, folded) => {
  test("by a search next to its documents", async () => {
    const engine = await furnished(new MemoryStore(), { folded });
    // Their search first: whatever it left warm must not answer ours.
    expect((await engine.search(theirs, { vector: near })).results[0]?.text).toBe("their secret");
    for (const recall of ["fast", "balanced", "exact"] as const)
      expect(await ourAnswers(engine, recall)).toEqual(["our own", "our far one"]);
    const eventual = await engine.search(ours, { vector: near, consistency: "eventual", explain: true });
    expect(eventual.results.map(({ text }) => text)).toEqual(["our own", "our far one"]);
    expect(eventual.plan?.shards.length).toBe(folded ? 1 : 0);
  });

  test("by its ids", async () => {
    const engine = await furnished(new MemoryStore(), { folded });
    await engine.get(theirs, "only theirs");
    expect(await errorOf(engine.get(ours, "only theirs"))).toMatchObject({ code: "document_not_found" });
    expect(await errorOf(engine.patch(ours, "only theirs", { text: "x" }))).toMatchObject({
      code: "document_not_found",
    });
    expect(await errorOf(engine.delete(ours, "only theirs"))).toMatchObject({ code: "document_not_found" });
    expect(await engine.get(ours, "shared id")).toMatchObject({ text: "our own", metadata: { of: "ours" } });
    expect((await engine.put(ours, { id: "only theirs", text: "a new one of ours" })).created).toBe(true);
    expect((await engine.get(theirs, "only theirs")).text).toBe("also theirs");
  });

  test("by changing or deleting a document of the same id", async () => {
    const engine = await furnished(new MemoryStore(), { folded });
    await engine.patch(ours, "shared id", { text: "changed", metadata: { of: null, more: 1 } });
    expect(await engine.get(theirs, "shared id")).toMatchObject({ text: "their secret", metadata: { of: "theirs" } });
    await engine.delete(ours, "shared id");
    await engine.fold(ours);
    expect(await engine.get(theirs, "shared id")).toMatchObject({ text: "their secret" });
    expect((await engine.search(theirs, { vector: near })).results).toHaveLength(2);
  });

  test("by counting, listing or verifying", async () => {
    const engine = await furnished(new MemoryStore(), { folded });
    await engine.put(theirs, { id: "a third", text: "theirs" });
    expect((await engine.stats(ours)).documents).toBe(2);
    expect((await engine.verify(ours)).documents).toBe(2);
    expect((await engine.collections(ours.tenant)).collections.map(({ name, documents }) => [name, documents])).toEqual(
      [["docs", 2]],
    );
    await engine.put(scopeOf("acme-2", "more"), { text: "theirs" });
    expect((await engine.collections(ours.tenant)).collections.map(({ name }) => name)).toEqual(["docs"]);
    expect((await engine.collections(theirs.tenant)).collections.map(({ name }) => name)).toEqual(["docs", "more"]);
    expect(await engine.collections(tenantName("acm"))).toEqual({ collections: [], unreadable: [] });
    expect([...(await engine.tenants())].sort()).toEqual(["acme", "acme-2"]);
  });

  test("by deleting its collection", async () => {
    const engine = await furnished(new MemoryStore(), { folded });
    await engine.deleteCollection(ours);
    expect(await errorOf(engine.get(ours, "shared id"))).toMatchObject({ code: "collection_not_found" });
    expect(await engine.get(theirs, "shared id")).toMatchObject({ text: "their secret" });
    expect((await engine.verify(theirs)).problems).toEqual([]);
  });
});

describe("every object", () => {
  test("lies below its tenant's and collection's prefix", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    const scopes = ["a", "a-b", "ab"].flatMap((tenant) => ["docs", "docs-2"].map((name) => scopeOf(tenant, name)));
    for (const scope of scopes) {
      const before = new Set(await allKeys(store));
      await engine.put(scope, { id: "a", text: "a", embedding: [1, 2] });
      await engine.fold(scope);
      await engine.delete(scope, "a");
      await engine.fold(scope);
      await engine.put(scope, { id: "b", text: "b" });
      const written = (await allKeys(store)).filter((key) => !before.has(key));
      expect(written.length).toBeGreaterThan(5);
      for (const key of written) expect(key.startsWith(`tenants/${scope.tenant}/${scope.collection}/`)).toBe(true);
    }
  });

  test("of a collection is gone when the collection is, and no other", async () => {
    const store = new MemoryStore();
    const engine = await furnished(store, { folded: true });
    const next = scopeOf("acme", "docs-2");
    await engine.put(next, { id: "a", text: "a neighbour by name" });
    await engine.deleteCollection(ours);
    // Its last generation says that it is deleted, and names nothing.
    expect(await allKeys(store, "tenants/acme/docs/")).toEqual(["tenants/acme/docs/manifest.json"]);
    expect((await engine.get(next, "a")).text).toBe("a neighbour by name");
  });
});

describe("cached files of several tenants on one disk", () => {
  test("answer only for their own tenant, in later processes too", async () => {
    const store = new MemoryStore();
    const cachePath = temporaryFolder();
    const first = await furnished(store, { folded: true, cachePath });
    await first.search(theirs, { vector: near });
    expect(await ourAnswers(first, "exact")).toEqual(["our own", "our far one"]);
    const cached = await readdir(join(cachePath, "objects"));
    expect(cached).toHaveLength(2);

    const second = await openTestEngine({ store, settings: { cachePath } });
    expect(await ourAnswers(second, "exact")).toEqual(["our own", "our far one"]);
    expect((await second.search(theirs, { vector: near })).results[0]?.text).toBe("their secret");
  });
});

describe("a collection that is deleted and made again", () => {
  const stores: [string, () => () => ObjectStore][] = [
    [
      "memory",
      () => {
        const store = new MemoryStore();
        return () => store;
      },
    ],
    [
      "folder",
      () => {
        const folder = temporaryFolder();
        return () => new FolderStore(folder);
      },
    ],
  ];
  const old = [
    { id: "old", text: "old document", embedding: [1, 0, 0, 0] },
    { id: "both", text: "old text", embedding: [0, 1, 0, 0] },
  ];

  /** One engine replaces the collection while another one has it open and warm. */
  async function replaced(open: () => ObjectStore, options: { readonly folded: boolean }) {
    const engine = await openTestEngine({ store: open() });
    const warm = await openTestEngine({ store: open() });
    await engine.putMany(ours, old);
    if (options.folded) await engine.fold(ours);
    expect((await warm.search(ours, { vector: [1, 0, 0, 0] })).results).toHaveLength(2);
    await engine.deleteCollection(ours);
    return { engine, warm };
  }

  describe.each(stores)("in a store of kind %s", (_kind, makeStore) => {
    test.each([true, false])("does not show old documents (folded before: %s)", async (folded) => {
      const open = makeStore();
      const { engine, warm } = await replaced(open, { folded });
      await engine.put(ours, { id: "both", text: "new text", embedding: [0, 1, 0, 0] });
      for (const one of [engine, warm, await openTestEngine({ store: open() })]) {
        const answer = await one.search(ours, { vector: [1, 0, 0, 0] });
        expect(answer.results.map(({ text }) => text)).toEqual(["new text"]);
        expect(answer.degraded).toBe(false);
        expect(await errorOf(one.get(ours, "old"))).toMatchObject({ code: "document_not_found" });
        expect((await one.get(ours, "both")).text).toBe("new text");
        expect((await one.stats(ours)).documents).toBe(1);
      }
    });

    test("is gone for a warm engine until it is made again", async () => {
      const { warm } = await replaced(makeStore(), { folded: true });
      const reads = [
        () => warm.get(ours, "old"),
        () => warm.search(ours, { vector: [1, 0, 0, 0] }),
        () => warm.stats(ours),
      ];
      for (const read of reads) expect(await errorOf(read())).toMatchObject({ code: "collection_not_found" });
      expect((await warm.collections(ours.tenant)).collections).toEqual([]);
    });

    test("takes a warm engine's write as the first of a new collection", async () => {
      const { engine, warm } = await replaced(makeStore(), { folded: true });
      const { created } = await warm.put(ours, { id: "both", text: "new text", embedding: [0, 1, 0, 0] });
      expect(created).toBe(true);
      for (const one of [warm, engine]) {
        expect((await one.get(ours, "both")).text).toBe("new text");
        expect((await one.stats(ours)).documents).toBe(1);
      }
      expect((await engine.verify(ours)).problems).toEqual([]);
    });

    test("shows what a warm engine wrote to the new one, under whichever number", async () => {
      const { engine, warm } = await replaced(makeStore(), { folded: false });
      for (let at = 0; at < 3; at++) {
        await engine.put(ours, { id: `engine ${at}`, text: "a", embedding: [1, 1, 0, at] });
        await warm.put(ours, { id: `warm ${at}`, text: "a", embedding: [1, 1, 0, -at] });
      }
      await engine.fold(ours);
      for (const one of [warm, engine]) expect((await one.stats(ours)).documents).toBe(6);
    });

    test("has its own settings: a warm engine checks and scores by them", async () => {
      const { engine, warm } = await replaced(makeStore(), { folded: true });
      await engine.createCollection(ours, { distance: "l2", dimensions: 2 });
      const refused = await errorOf(warm.put(ours, { text: "a", embedding: [1, 0, 0, 0] }));
      expect(refused).toMatchObject({ code: "wrong_dimensions" });
      await warm.put(ours, { id: "a", text: "a", embedding: [3, 4] });
      expect((await warm.search(ours, { vector: [0, 0] })).results).toMatchObject([{ id: "a", score: 1 / 6 }]);
      await engine.fold(ours);
      expect((await engine.verify(ours)).documents).toBe(1);
    });

    test("at the same generation as the old one is not taken for it", async () => {
      const { engine, warm } = await replaced(makeStore(), { folded: true });
      await engine.put(ours, { id: "both", text: "new text", embedding: [0, 1, 0, 0] });
      await engine.fold(ours);
      await engine.put(ours, { id: "both", text: "newest text", embedding: [0, 1, 0, 0] });
      const answer = await warm.search(ours, { vector: [0, 1, 0, 0], recall: "exact" });
      expect(answer.results.map(({ text }) => text)).toEqual(["newest text"]);
      expect((await warm.stats(ours)).documents).toBe(1);
    });
  });

  test("while a write was on its way shows that write or says that it failed, never a lost one", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    const warm = await openTestEngine({ store });
    await engine.createCollection(ours, { dimensions: 4 });
    await warm.stats(ours);
    for (let round = 0; round < 20; round++) {
      const id = `round ${round}`;
      const [put] = await Promise.allSettled([
        warm.put(ours, { id, text: "a", embedding: [1, 2, 3, 4] }),
        engine.deleteCollection(ours).then(() => engine.createCollection(ours, { dimensions: 4 })),
      ]);
      // Whatever became of that one: a write that begins now is there afterwards.
      await warm.put(ours, { id: `${id} after`, text: "a", embedding: [1, 2, 3, 4] });
      expect((await engine.get(ours, `${id} after`)).id).toBe(`${id} after`);
      if (put.status === "rejected")
        expect(put.reason).toMatchObject({ kind: expect.stringMatching(/not_found|conflict/) });
    }
  });
});

test("one collection that can't be read hides none of the others", async () => {
  const store = new MemoryStore();
  const engine = await openTestEngine({ store });
  for (const name of ["good", "bad"]) await engine.put(scopeOf("acme", name), { id: "a", text: "text" });
  await store.put("tenants/acme/bad/manifest.json", Buffer.from("{"));
  const fresh = await openTestEngine({ store });
  const { collections, unreadable } = await fresh.collections(tenantName("acme"));
  expect(collections.map(({ name, documents }) => [name, documents])).toEqual([["good", 1]]);
  expect(unreadable).toMatchObject([{ name: "bad", code: "manifest_damaged" }]);
});
