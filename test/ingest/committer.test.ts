import { describe, expect, test } from "vitest";
import { isMosaicError, MosaicError, silentLogger } from "../../src/base/index.ts";
import { CollectionLog, Committer, decodeSegment, type Intent, operationBytes } from "../../src/ingest/index.ts";
import { ManifestStore, type Stored } from "../../src/manifest/index.ts";
import { MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { TestClock, testRandom } from "../engine/support/clock.ts";
import { errorOf } from "../engine/support/engine.ts";
import { allKeys, CountingStore, HookedStore } from "../engine/support/stores.ts";
import { scope, settings } from "../manifest/sample.ts";
import { upsert } from "./operations.ts";

const wal = "tenants/acme/docs/wal/";
const gcGraceMs = 60_000;
const lostAnswer = new MosaicError("unavailable", "put object", { code: "outcome_unknown" });
const intentOf = (...ids: readonly string[]): Intent => ({ operations: ids.map((id) => upsert(id)) });

interface WriterOptions {
  readonly seed: number;
  readonly clock?: TestClock;
  readonly segmentMaxBytes?: number;
  readonly tailMaxBytes?: number;
}

async function writer(store: ObjectStore, options: WriterOptions) {
  const { seed, clock = new TestClock(), segmentMaxBytes = 1_000_000, tailMaxBytes = 1_000_000 } = options;
  const random = testRandom(seed);
  const manifests = new ManifestStore({ store, clock, random }, scope);
  await manifests.create(settings).catch((error: unknown) => {
    if (!isMosaicError(error, "conflict")) throw error;
  });
  const log = await CollectionLog.open(scope, {
    store,
    clock,
    manifests,
    prepare: async () => undefined,
    adopted: () => undefined,
    gcGraceMs,
  });
  const committer = new Committer(log, {
    store,
    clock,
    random,
    logger: silentLogger,
    segmentMaxBytes,
    tailMaxBytes,
    gcGraceMs,
  });
  return { log, committer, manifests, clock };
}

/** Ids of every segment that is stored, by sequence. */
async function stored(store: ObjectStore): Promise<string[][]> {
  const keys = await allKeys(store, wal);
  return await Promise.all(
    keys.map(async (key) => {
      const got = await store.get(key);
      return got.status === "found" ? decodeSegment(got.bytes, key).operations.map(({ id }) => id as string) : [];
    }),
  );
}

function onceForWal(
  store: HookedStore,
  task: (put: () => Promise<{ readonly etag: string }>) => Promise<{ readonly etag: string }>,
): void {
  store.onPut = (key, put) => {
    if (!key.startsWith(wal)) return put();
    store.onPut = undefined;
    return task(put);
  };
}

async function hooked() {
  const inner = new MemoryStore();
  const store = new HookedStore(inner);
  return { inner, store, ours: await writer(store, { seed: 1 }), theirs: await writer(inner, { seed: 2 }) };
}

describe("an append whose answer was lost", () => {
  test("is a success when it happened, and is written once", async () => {
    const { inner, store, ours, theirs } = await hooked();
    onceForWal(store, async (put) => {
      await put();
      throw lostAnswer;
    });
    expect(await ours.committer.commit(intentOf("a"))).toMatchObject({ sequence: 1, index: 0 });
    expect(await stored(inner)).toEqual([["a"]]);
    await theirs.log.refresh();
    expect([...theirs.log.tail.upserts()].map(({ id }) => id)).toEqual(["a"]);
  });

  test("is made again when it did not happen", async () => {
    const { inner, store, ours } = await hooked();
    onceForWal(store, () => Promise.reject(lostAnswer));
    expect(await ours.committer.commit(intentOf("a"))).toMatchObject({ sequence: 1 });
    expect(await stored(inner)).toEqual([["a"]]);
  });

  test("happens once when it lands late, before the second try", async () => {
    const { inner, store, ours } = await hooked();
    onceForWal(store, (late) => {
      onceForWal(store, async (again) => {
        await late();
        return await again();
      });
      return Promise.reject(lostAnswer);
    });
    expect(await ours.committer.commit(intentOf("a"))).toMatchObject({ sequence: 1 });
    expect(await stored(inner)).toEqual([["a"]]);
  });

  test("is not taken for another writer's that came in its place", async () => {
    const { inner, store, ours, theirs } = await hooked();
    onceForWal(store, async () => {
      await theirs.committer.commit(intentOf("theirs"));
      throw lostAnswer;
    });
    expect(await ours.committer.commit(intentOf("ours"))).toMatchObject({ sequence: 2 });
    expect(await stored(inner)).toEqual([["theirs"], ["ours"]]);
  });
});

describe("a sequence that another writer took", () => {
  test("is read, and the next one is tried", async () => {
    const { inner, ours, theirs } = await hooked();
    await theirs.committer.commit(intentOf("x", "y"));
    expect(await ours.committer.commit(intentOf("ours"))).toMatchObject({ sequence: 2 });
    expect([...ours.log.tail.upserts()].map(({ id }) => id)).toEqual(["x", "y", "ours"]);
    expect(await stored(inner)).toEqual([["x", "y"], ["ours"]]);
  });

  test("makes a write stale that was made from older documents: it is not written", async () => {
    const { inner, ours, theirs } = await hooked();
    const basis = ours.log.tail.lastSequence;
    await theirs.committer.commit(intentOf("a"));
    const change: Intent = {
      operations: [upsert("a", { text: "made from what was before" })],
      stillHolds: (tail) => (tail.entry(upsert("a").id)?.sequence ?? 0) <= basis,
    };
    expect(await ours.committer.commit(change)).toBe("stale");
    expect(await stored(inner)).toEqual([["a"]]);
  });

  test("does not hold back those who wait beside a stale one", async () => {
    const { ours, theirs } = await hooked();
    await theirs.committer.commit(intentOf("a"));
    const [first, stale, good] = await Promise.all([
      ours.committer.commit(intentOf("first")),
      ours.committer.commit({ operations: [upsert("a")], stillHolds: () => false }),
      ours.committer.commit(intentOf("good")),
    ]);
    expect(first).toMatchObject({ sequence: 2 });
    expect(stale).toBe("stale");
    expect(good).toMatchObject({ sequence: 3, index: 0 });
  });
});

describe("group commit", () => {
  test("puts whoever waits into one segment, and tells each its place and what was there before", async () => {
    const { inner, ours } = await hooked();
    const results = await Promise.all([
      ours.committer.commit(intentOf("a")),
      ours.committer.commit(intentOf("b", "a")),
      ours.committer.commit(intentOf("a")),
    ]);
    expect(await stored(inner)).toEqual([["a"], ["b", "a", "a"]]);
    expect(results).toMatchObject([
      { sequence: 1, index: 0, previous: [undefined] },
      { sequence: 2, index: 0, previous: [undefined, { sequence: 1 }] },
      { sequence: 2, index: 2, previous: [{ sequence: 2, index: 1 }] },
    ]);
  });

  test("keeps segments below their size; a single larger write still goes whole", async () => {
    const store = new CountingStore(new MemoryStore());
    const each = operationBytes(upsert("a"));
    const { committer } = await writer(store, { seed: 1, segmentMaxBytes: 4 * each });
    const large: Intent = { operations: [upsert("large", { text: "x".repeat(2000) })] };
    const writes = ["a", "b", "c", "d", "e", "f"].map((id) => committer.commit(intentOf(id)));
    await Promise.all([...writes, committer.commit(large)]);
    expect(await stored(store)).toEqual([["a"], ["b", "c", "d", "e"], ["f"], ["large"]]);
  });

  test("that storage refuses fails everyone in the segment, and nobody else", async () => {
    const { inner, store, ours } = await hooked();
    const full = new MosaicError("unavailable", "put object", { code: "storage_full" });
    onceForWal(store, (first) => {
      onceForWal(store, () => Promise.reject(full));
      return first();
    });
    const [a, b, c] = await Promise.allSettled(["a", "b", "c"].map((id) => ours.committer.commit(intentOf(id))));
    expect([a?.status, b?.status, c?.status]).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(await ours.committer.commit(intentOf("d"))).toMatchObject({ sequence: 2 });
    expect(await stored(inner)).toEqual([["a"], ["d"]]);
  });
});

describe("a writer is refused", () => {
  test("with write_backlog while more is waiting to be folded than allowed", async () => {
    const { committer } = await writer(new MemoryStore(), { seed: 1, tailMaxBytes: operationBytes(upsert("a")) });
    await committer.commit(intentOf("a", "b"));
    expect(await errorOf(committer.commit(intentOf("c")))).toMatchObject({
      kind: "unavailable",
      code: "write_backlog",
      retryAfterMs: expect.any(Number),
    });
  });

  test("with write_contention when it loses every race", async () => {
    const { store, ours } = await hooked();
    const conflict = new MosaicError("conflict", "put object", { code: "precondition_failed" });
    store.onPut = () => Promise.reject(conflict);
    expect(await errorOf(ours.committer.commit(intentOf("a")))).toMatchObject({
      kind: "unavailable",
      code: "write_contention",
    });
  });

  test.each(["deleted", "deleted and made again"])("when its collection was %s", async (what) => {
    const { inner, ours, theirs } = await hooked();
    await theirs.manifests.remove((await theirs.manifests.read()) as Stored, 0);
    if (what !== "deleted") await theirs.manifests.create(settings);
    const refused = await errorOf(ours.committer.commit(intentOf("a")));
    expect(refused).toMatchObject({ kind: "not_found", code: "collection_not_found" });
    // What its put has left in the log belongs to nobody: the next collection keeps its place and reads past it.
    const next = await writer(inner, { seed: 3 });
    expect(next.log.tail.documents).toBe(0);
    await next.committer.commit(intentOf("b"));
    const reader = await writer(inner, { seed: 4 });
    expect([...reader.log.tail.upserts()].map(({ id }) => id)).toEqual(["b"]);
  });
});
