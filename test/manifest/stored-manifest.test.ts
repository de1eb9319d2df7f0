import { describe, expect, test } from "vitest";
import { MosaicError } from "../../src/base/index.ts";
import { decodeManifest, historyKey, ManifestStore, type Stored } from "../../src/manifest/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { TestClock, testRandom } from "../engine/support/clock.ts";
import { allKeys, CountingStore, HookedStore, tally } from "../engine/support/stores.ts";
import { scope, settings, shard } from "./sample.ts";

const prefix = "tenants/acme/docs/";
const main = `${prefix}manifest.json`;
const lostAnswer = new MosaicError("unavailable", "put object", { code: "outcome_unknown" });
const conflict = new MosaicError("conflict", "put object", { code: "precondition_failed" });

function open(seed = 1) {
  const inner = new MemoryStore();
  const store = new HookedStore(inner);
  const clock = new TestClock();
  const another = (otherSeed: number) =>
    new ManifestStore({ store: inner, clock, random: testRandom(otherSeed) }, scope);
  return {
    inner,
    store,
    clock,
    another,
    manifests: new ManifestStore({ store, clock, random: testRandom(seed) }, scope),
  };
}

/** Runs `task` in place of the next put of the manifest itself. */
function onceForManifest(
  store: HookedStore,
  task: (put: () => Promise<{ readonly etag: string }>) => Promise<{ readonly etag: string }>,
): void {
  store.onPut = (key, put) => {
    if (key !== main) return put();
    store.onPut = undefined;
    return task(put);
  };
}

const addShard =
  (id: string) =>
  ({ shards }: { readonly shards: readonly ReturnType<typeof shard>[] }) => ({ shards: [...shards, shard(id)] });
const ids = ({ manifest }: Stored): string[] => manifest.shards.map(({ id }) => id);
const current = async (manifests: ManifestStore): Promise<Stored> => (await manifests.read()) as Stored;

describe("reading", () => {
  test("gives undefined when there is no collection", async () => {
    expect(await open().manifests.read()).toBeUndefined();
  });

  test("of what is known already gives the same object, and no bytes are fetched", async () => {
    const store = new CountingStore(new MemoryStore());
    const manifests = new ManifestStore({ store, clock: new TestClock(), random: testRandom(1) }, scope);
    const known = await manifests.create(settings);
    const lines = await store.during(async () => expect(await manifests.read(known)).toBe(known));
    expect(tally(lines)).toMatchObject({ gets: 1, bytes: 0 });
  });
});

describe("a swap", () => {
  test("keeps a copy of the generation that it replaces, written before the swap itself", async () => {
    const { inner, store, manifests } = open();
    const first = await manifests.create(settings);
    const order: string[] = [];
    store.onPut = (key, put) => {
      order.push(key.slice(prefix.length));
      return put();
    };
    const second = await manifests.update(first, addShard("a"));
    expect(order).toEqual([historyKey(1), "manifest.json"]);
    const copy = await inner.get(prefix + historyKey(1));
    expect(copy.status === "found" && decodeManifest(copy.bytes, "")).toEqual(first.manifest);
    expect(second?.manifest.generation).toBe(2);
    expect(await current(manifests)).toEqual(second);
  });

  test("without its copy does not happen", async () => {
    const { store, manifests } = open();
    const first = await manifests.create(settings);
    store.onPut = (key, put) => (key === main ? put() : Promise.reject(new MosaicError("unavailable", "put object")));
    await expect(manifests.update(first, addShard("a"))).rejects.toMatchObject({ kind: "unavailable" });
    expect(await current(manifests)).toEqual(first);
  });

  test("that lost a race is made again from what won", async () => {
    const { store, manifests, another } = open();
    const first = await manifests.create(settings);
    onceForManifest(store, async (put) => {
      await another(2).update(first, addShard("theirs"));
      return await put();
    });
    const swapped = await manifests.update(first, addShard("ours"));
    expect(swapped?.manifest.generation).toBe(3);
    expect(ids(swapped as Stored)).toEqual(["theirs", "ours"]);
    expect(await current(manifests)).toEqual(swapped);
  });

  test("whose inputs are gone after a lost race gives up and changes nothing", async () => {
    const { store, manifests, another } = open();
    const first = await manifests.create(settings);
    onceForManifest(store, async (put) => {
      await another(2).update(first, addShard("theirs"));
      return await put();
    });
    const swapped = await manifests.update(first, ({ shards }) =>
      shards.length > 0 ? undefined : { shards: [shard("ours")] },
    );
    expect(swapped).toBeUndefined();
    expect(ids(await current(manifests))).toEqual(["theirs"]);
  });

  test("of twenty writers at once: each happens once", async () => {
    const { manifests, another } = open();
    const first = await manifests.create(settings);
    const names = Array.from({ length: 20 }, (_, at) => `shard${at}`);
    const swapped = await Promise.all(names.map((name, at) => another(at + 2).update(first, addShard(name))));
    const last = await current(manifests);
    expect(ids(last).sort()).toEqual([...names].sort());
    expect(last.manifest.generation).toBe(21);
    expect(new Set(swapped.map((one) => one?.manifest.generation)).size).toBe(20);
  });

  test("that always loses ends as write_contention", async () => {
    const { store, manifests } = open();
    const first = await manifests.create(settings);
    store.onPut = (key, put) => (key === main ? Promise.reject(conflict) : put());
    await expect(manifests.update(first, addShard("a"))).rejects.toMatchObject({
      kind: "unavailable",
      code: "write_contention",
      retryAfterMs: expect.any(Number),
    });
  });

  test("that would break a rule is never written", async () => {
    const { manifests } = open();
    const first = await manifests.create(settings);
    const second = (await manifests.update(first, addShard("a"))) as Stored;
    await expect(manifests.update(second, addShard("a"))).rejects.toMatchObject({ code: "invariant_broken" });
    expect(await current(manifests)).toEqual(second);
  });

  test("of a collection that was deleted, or made again, says that it is gone", async () => {
    const { manifests, another } = open();
    const first = await manifests.create(settings);
    await manifests.remove(first, 0);
    await expect(manifests.update(first, addShard("a"))).rejects.toMatchObject({ code: "collection_not_found" });
    const again = await another(2).create(settings);
    await expect(manifests.update(first, addShard("a"))).rejects.toMatchObject({ code: "collection_not_found" });
    expect(await current(manifests)).toEqual(again);
  });
});

describe("a swap whose answer was lost", () => {
  test("is a success when it happened", async () => {
    const { store, manifests } = open();
    const first = await manifests.create(settings);
    onceForManifest(store, async (put) => {
      await put();
      throw lostAnswer;
    });
    const swapped = await manifests.update(first, addShard("a"));
    expect(swapped?.manifest.generation).toBe(2);
    expect(ids(swapped as Stored)).toEqual(["a"]);
    expect(await current(manifests)).toEqual(swapped);
  });

  test("is made again when it did not happen", async () => {
    const { store, manifests } = open();
    const first = await manifests.create(settings);
    onceForManifest(store, () => Promise.reject(lostAnswer));
    const swapped = await manifests.update(first, addShard("a"));
    expect(swapped?.manifest.generation).toBe(2);
    expect(ids(await current(manifests))).toEqual(["a"]);
  });

  test("happens once when it lands late, between the look and the second try", async () => {
    const { store, clock, manifests } = open();
    const first = await manifests.create(settings);
    let late: (() => Promise<unknown>) | undefined;
    onceForManifest(store, (put) => {
      late = put;
      onceForManifest(store, async (again) => {
        await late?.();
        return await again();
      });
      return Promise.reject(lostAnswer);
    });
    clock.advance(5000);
    const swapped = await manifests.update(first, ({ shards }) =>
      shards.some(({ id }) => id === "a") ? undefined : { shards: [...shards, shard("a")] },
    );
    expect(swapped === undefined || ids(swapped).join() === "a").toBe(true);
    expect(ids(await current(manifests))).toEqual(["a"]);
  });

  test("is not taken for another writer's that came in its place", async () => {
    const { store, manifests, another } = open();
    const first = await manifests.create(settings);
    onceForManifest(store, async () => {
      await another(2).update(first, addShard("theirs"));
      throw lostAnswer;
    });
    const swapped = await manifests.update(first, addShard("ours"));
    expect(ids(swapped as Stored)).toEqual(["theirs", "ours"]);
  });
});

describe("making a collection", () => {
  test("twice is a conflict, and the first stays", async () => {
    const { manifests, another } = open();
    const first = await manifests.create(settings);
    await expect(another(2).create(settings)).rejects.toMatchObject({ kind: "conflict", code: "collection_exists" });
    expect(await current(manifests)).toEqual(first);
  });

  test("whose answer was lost is a success when it happened", async () => {
    const { store, manifests } = open();
    onceForManifest(store, async (put) => {
      await put();
      throw lostAnswer;
    });
    expect(await manifests.create(settings)).toEqual(await current(manifests));
  });

  test("whose answer was lost fails when it did not happen", async () => {
    const { store, manifests } = open();
    onceForManifest(store, () => Promise.reject(lostAnswer));
    await expect(manifests.create(settings)).rejects.toBe(lostAnswer);
    expect(await manifests.read()).toBeUndefined();
  });

  test("starts behind the segments that one of the same name left, and changes none of them", async () => {
    const { inner, manifests } = open();
    for (const sequence of [7, 12, 9])
      await inner.put(`${prefix}wal/${String(sequence).padStart(12, "0")}`, Buffer.from("x"));
    const before = await allKeys(inner);
    const made = await manifests.create(settings);
    expect(made.manifest.foldedThrough).toBe(12);
    expect((await allKeys(inner)).filter((key) => key !== main)).toEqual(before);
  });
});
