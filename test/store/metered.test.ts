import { join } from "node:path";
import { expect, test } from "vitest";
import { MemoryStore, Metered, type StorageReceipt } from "../../src/store/index.ts";
import { temporaryFolder } from "../engine/support/engine.ts";
import { PassingStore } from "../engine/support/stores.ts";

const zero = (): StorageReceipt => ({ getRequests: 0, putRequests: 0, listRequests: 0, bytesFetched: 0, cold: {} });

function metered(inner = new MemoryStore()) {
  let receipt = zero();
  const store = new Metered(inner, () => receipt);
  const during = async (task: () => Promise<unknown>): Promise<StorageReceipt> => {
    receipt = zero();
    await task().catch(() => undefined);
    return receipt;
  };
  return { store, during };
}

const drain = async (items: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of items);
};

test("every request is counted by its price, and the bytes that came", async () => {
  const { store, during } = metered();
  const etag = (await store.put("a", Buffer.alloc(1000))).etag;
  const download = join(temporaryFolder(), "copy");
  const counts = async (task: () => Promise<unknown>): Promise<readonly number[]> => {
    const { getRequests, putRequests, listRequests, bytesFetched } = await during(task);
    return [getRequests, putRequests, listRequests, bytesFetched];
  };
  expect(await counts(() => store.get("a"))).toEqual([1, 0, 0, 1000]);
  expect(await counts(() => store.get("a", { range: { start: 10, end: 30 } }))).toEqual([1, 0, 0, 20]);
  expect(await counts(() => store.get("a", { range: { start: 990, end: 3000 } }))).toEqual([1, 0, 0, 10]);
  expect(await counts(() => store.get("a", { ifNoneMatch: etag }))).toEqual([1, 0, 0, 0]);
  expect(await counts(() => store.get("absent"))).toEqual([1, 0, 0, 0]);
  expect(await counts(() => store.head("a"))).toEqual([1, 0, 0, 0]);
  expect(await counts(() => store.put("b", Buffer.alloc(5)))).toEqual([0, 1, 0, 0]);
  expect(await counts(() => store.put("b", Buffer.alloc(5), { ifNoneMatch: "*" }))).toEqual([0, 1, 0, 0]);
  expect(await counts(() => store.copy("a", "c"))).toEqual([0, 1, 0, 0]);
  expect(await counts(() => store.restore("c", { days: 1, speed: "bulk" }))).toEqual([0, 1, 0, 0]);
  expect(await counts(() => store.delete("c"))).toEqual([0, 0, 0, 0]);
  expect(await counts(() => store.download("a", download))).toEqual([1, 0, 0, 1000]);
});

test.each([
  [0, undefined, 1],
  [3, undefined, 1],
  [1000, undefined, 1],
  [1001, undefined, 2],
  [1001, 500, 1],
])("a list of %i keys, limit %s, is %i pages", async (keys, limit, pages) => {
  const { store, during } = metered();
  for (let key = 0; key < keys; key++) await store.put(`k${String(key).padStart(5, "0")}`, Buffer.alloc(0));
  const receipt = await during(() => drain(store.list("", limit === undefined ? {} : { limit })));
  expect(receipt).toEqual({ ...zero(), listRequests: pages });
});

test("what is read or looked up in colder classes is counted by class, too", async () => {
  const { store, during } = metered();
  const classes = ["STANDARD_IA", "GLACIER_IR", "STANDARD"];
  for (const storageClass of classes) await store.put(storageClass, Buffer.alloc(1000), { storageClass });
  const receipt = await during(async () => {
    for (const key of classes) {
      await store.get(key);
      await store.get(key, { range: { start: 10, end: 30 } });
      await store.head(key);
    }
    await store.download("GLACIER_IR", join(temporaryFolder(), "copy"));
    await store.get("absent");
  });
  expect(receipt).toEqual({
    ...zero(),
    getRequests: 11,
    bytesFetched: 4060,
    cold: { STANDARD_IA: { requests: 3, bytes: 1020 }, GLACIER_IR: { requests: 4, bytes: 2020 } },
  });
});

test("what fails is billed too", async () => {
  class Broken extends PassingStore {
    override get(): Promise<never> {
      return Promise.reject(new Error("broken"));
    }
  }
  let receipt = zero();
  const store = new Metered(new Broken(new MemoryStore()), () => receipt);
  await expect(store.get("a")).rejects.toThrow("broken");
  expect(receipt.getRequests).toBe(1);
  receipt = zero();
  const unasked = new Metered(new MemoryStore(), () => undefined);
  expect(await unasked.get("a")).toEqual({ status: "absent" });
});
