import { expect, test } from "vitest";
import { tenantName } from "../../src/base/index.ts";
import { listCollectionNames, listTenants } from "../../src/manifest/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { CountingStore, tally } from "../engine/support/stores.ts";

async function storeWith(...keys: readonly string[]): Promise<CountingStore> {
  const store = new CountingStore(new MemoryStore());
  for (const key of keys) await store.put(key, Buffer.from("x"));
  return store;
}

test("names are found once each, also when one begins with another", async () => {
  const store = await storeWith(
    "tenants/a/docs/manifest.json",
    "tenants/a/docs/wal/000000000001",
    "tenants/a/docs-2/manifest.json",
    "tenants/a/docs2/manifest.json",
    "tenants/a-b/docs/manifest.json",
    "tenants/ab/docs/manifest.json",
  );
  expect([...(await listTenants(store))].sort()).toEqual(["a", "a-b", "ab"]);
  expect([...(await listCollectionNames(store, tenantName("a")))].sort()).toEqual(["docs", "docs-2", "docs2"]);
  expect(await listCollectionNames(store, tenantName("nobody"))).toEqual([]);
});

test("objects are not walked: a LIST a name, and one that finds the end", async () => {
  const segments = Array.from({ length: 500 }, (_, at) => `tenants/a/docs/wal/${String(at).padStart(12, "0")}`);
  const store = await storeWith("tenants/b/docs/manifest.json", ...segments);
  const lines = await store.during(() => listTenants(store));
  expect(tally(lines)).toEqual({ gets: 0, puts: 0, lists: 3, deletes: 0, bytes: 0 });
});

test("what a desktop or a person left there hides nothing", async () => {
  const store = await storeWith(
    "tenants/.DS_Store",
    "tenants/README.txt",
    "tenants/a/.DS_Store",
    "tenants/a/Backup of docs/manifest.json",
    "tenants/a/docs/manifest.json",
  );
  expect(await listTenants(store)).toEqual(["a"]);
  expect(await listCollectionNames(store, tenantName("a"))).toEqual(["docs"]);
});
