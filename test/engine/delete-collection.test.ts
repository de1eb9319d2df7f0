import { expect, test } from "vitest";
import { MemoryStore } from "../../src/store/index.ts";
import { docs, openTestEngine } from "./support/engine.ts";
import { HookedStore } from "./support/stores.ts";

const manifest = "tenants/acme/docs/manifest.json";
const document = (id: string) => ({ id, text: id, embedding: [1, 2, 3] });

/** Runs something before the first DELETE, or before the first HEAD of a copy. */
class Clearing extends HookedStore {
  before: (() => Promise<void>) | undefined;
  beforeHead: (() => Promise<void>) | undefined;

  override async head(key: string): ReturnType<HookedStore["head"]> {
    const { beforeHead } = this;
    if (key.includes("/archive/")) {
      this.beforeHead = undefined;
      await beforeHead?.();
    }
    return await super.head(key);
  }

  override async delete(key: string): Promise<void> {
    const { before } = this;
    this.before = undefined;
    await before?.();
    await super.delete(key);
  }
}

test("two processes that delete a collection take nothing from the next one of its name", async () => {
  const store = new MemoryStore();
  const [first, next] = [await openTestEngine({ store }), await openTestEngine({ store })];
  await first.put(docs, document("old"));
  const clearing = new Clearing(store);
  const second = await openTestEngine({ store: clearing });
  clearing.onPut = async (key, put) => {
    // By now the second has listed what there is to clear.
    if (key === manifest) await first.deleteCollection(docs);
    clearing.onPut = undefined;
    return await put();
  };
  let written = 0;
  clearing.before = async () => {
    await next.put(docs, document("new"));
    written++;
  };
  await second.deleteCollection(docs);
  expect(written).toBe(1);
  const reader = await openTestEngine({ store });
  expect((await reader.get(docs, "new")).text).toBe("new");
  expect((await reader.verify(docs)).problems).toEqual([]);
});

test("an archiving under way says that the collection is gone", async () => {
  const store = new Clearing(new MemoryStore());
  const engine = await openTestEngine({ store });
  await engine.put(docs, document("old"));
  await engine.fold(docs);
  const other = await openTestEngine({ store });
  store.beforeHead = () => other.deleteCollection(docs);
  const shards = (await engine.stats(docs)).shards.map(({ id }) => id);
  const { id } = await engine.archive(docs, { shards, storage_class: "GLACIER_IR" });
  await engine.jobEnded(id);
  expect(await engine.job(docs.tenant, id)).toMatchObject({
    status: "failed",
    error: { code: "collection_not_found" },
  });
});
