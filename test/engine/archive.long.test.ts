import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mosaic } from "../../src/engine/index.ts";
import { ClassedFolders, MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { S3Store } from "../../src/store/s3.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import {
  answersOf,
  archived,
  type Furnished,
  finished,
  furnish,
  idsOf,
  putAside,
  restoredInTime,
} from "./support/archived.ts";
import { TestClock } from "./support/clock.ts";
import { docs, errorOf, openTestEngine, temporaryFolder } from "./support/engine.ts";
import { allKeys } from "./support/stores.ts";

const needsRestore = "archived_needs_restore";
const hourMs = 3_600_000;

let server: S3Server | undefined;
beforeAll(async () => {
  if (!hasS3Server) return;
  server = await startS3Server();
  await server.createBucket("archive");
});
afterAll(() => server?.stop());

let prefixes = 0;
const stores: readonly {
  readonly name: string;
  readonly freezes: boolean;
  readonly open: () => ObjectStore;
  readonly skip?: boolean;
}[] = [
  { name: "memory", freezes: true, open: () => new MemoryStore() },
  { name: "folder", freezes: false, open: () => new ClassedFolders(temporaryFolder(), temporaryFolder()) },
  {
    name: hasS3Server ? "S3" : `S3 (${withoutS3Server})`,
    freezes: true,
    open: () => new S3Store({ bucket: "archive", prefix: `p${prefixes++}`, endpoint: server?.endpoint }),
    skip: !hasS3Server,
  },
];

for (const { name, freezes, open, skip = false } of stores) {
  describe.skipIf(skip)(name, () => {
    test.each(["STANDARD_IA", "GLACIER_IR"] as const)(
      "shards of %s answer as before, and come back",
      async (storageClass) => {
        const store = open();
        const engine = await openTestEngine({ store });
        const furnished = await furnish(engine);
        const before = await answersOf(engine, furnished, "metadata->>'at' >= 0");
        await archived(engine, Object.values(furnished.shards), storageClass);
        const stats = await engine.stats(docs);
        expect(stats.shards_by_status).toMatchObject({ active: 0, archived: 3 });
        expect(stats.shards.map((shard) => shard.storage_class)).toEqual([storageClass, storageClass, storageClass]);
        expect(Object.keys(stats.bytes_by_class)).toEqual([storageClass]);
        expect(await answersOf(engine, furnished, "metadata->>'at' >= 0")).toEqual(before);
        expect(await engine.verify(docs)).toMatchObject({ ok: true, problems: [] });
        const job = await finished(engine, await engine.restore(docs));
        expect(job).toMatchObject({ status: "done", result: { shards_restored: 3 } });
        expect((await engine.stats(docs)).shards_by_status).toMatchObject({ active: 3, archived: 0 });
        expect(await answersOf(engine, furnished, "metadata->>'at' >= 0")).toEqual(before);
        await engine.close();
      },
    );

    test.each(["GLACIER", "DEEP_ARCHIVE"] as const)(
      `shards of %s ${freezes ? "are left out until they are restored" : "answer as before"}`,
      async (storageClass) => {
        const store = open();
        const engine = await openTestEngine({ store, settings: { restorePollMs: 20 } });
        const furnished = await furnish(engine);
        const all = await answersOf(engine, furnished, "metadata->>'at' >= 0");
        const young = await answersOf(engine, furnished, "created_at >= '2024-01-01'");
        await archived(engine, [furnished.shards.old], storageClass);
        expect(await answersOf(engine, furnished, "created_at >= '2024-01-01'")).toEqual(young);
        const found = await engine.sql(docs, { sql: "SELECT count(text) FROM documents" });
        expect(found).toMatchObject({ rows: [[freezes ? 80 : 120]], degraded: freezes });
        const counted = await engine.sql(docs, { sql: "SELECT count(*) FROM documents" });
        expect(counted).toMatchObject({ rows: [[120]], degraded: false });
        if (freezes) await expectLeftOut(engine, furnished, storageClass);
        const report = await engine.verify(docs);
        expect(report).toMatchObject({ ok: true, documents: 120, problems: [] });
        expect(report.archived).toEqual([
          { shard: furnished.shards.old, storage_class: storageClass, documents: 40, needs_restore: freezes },
        ]);
        await engine.restore(docs);
        const job = await finished(engine, await engine.restore(docs, { shards: [furnished.shards.old] }));
        expect(job.status).toBe("done");
        expect(await answersOf(engine, furnished, "metadata->>'at' >= 0")).toEqual(all);
        expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 120, archived: [] });
        await engine.close();
      },
    );
  });
}

async function expectLeftOut(engine: Mosaic, { shards, vectors }: Furnished, storageClass: string): Promise<void> {
  const vector = vectors.get("old-3") as number[];
  const failed = [{ shard: shards.old, code: needsRestore, detail: expect.stringContaining(shards.old) }];
  for (const recall of ["exact", "balanced"] as const) {
    const found = await engine.search(docs, { vector, recall, limit: 10, explain: true });
    expect(found).toMatchObject({ degraded: true, failed_shards: failed });
    expect(idsOf(found)).toHaveLength(10);
    expect(idsOf(found).some((id) => id.startsWith("old"))).toBe(false);
    expect(found.stats).toMatchObject({ shards_total: 3, shards_searched: 2 });
    const plan = found.plan?.shards.find(({ shard }) => shard === shards.old);
    expect(plan).toMatchObject({ kept: true, strategy: "none: archived, to be restored first" });
  }
  expect(await engine.hybrid(docs, { query: "fossil" })).toMatchObject({ results: [], failed_shards: failed });
  expect(await engine.hybrid(docs, { query: "leaf" })).toMatchObject({ degraded: false });
  const where = await engine.search(docs, { vector, where: "text LIKE '%fossil%'" });
  expect(where).toMatchObject({ results: [], degraded: true, failed_shards: failed });
  const sql = "SELECT d.id FROM documents d JOIN text_search('fossil') s ON s.id = d.id";
  expect(await engine.sql(docs, { sql })).toMatchObject({ rows: [], degraded: true, failed_shards: failed });
  const explained = await engine.sql(docs, { sql: "SELECT id FROM documents", explain: true });
  expect(explained.plan?.shards.find(({ shard }) => shard === shards.old)?.reason).toBe(`all, but ${needsRestore}`);
  const error = { kind: "conflict", code: needsRestore };
  expect(await errorOf(engine.get(docs, "old-3"))).toMatchObject(error);
  expect(await errorOf(engine.patch(docs, "old-3", { metadata: { x: 1 } }))).toMatchObject(error);
  expect(await errorOf(engine.get(docs, "old-300"))).toMatchObject({ code: "document_not_found" });
  const [first] = (await engine.search(docs, { vector })).failed_shards;
  expect(first?.detail).toContain(`archived as ${storageClass}`);
  expect(first?.detail).toContain(
    `POST /api/v1/admin/restore ${JSON.stringify({ collection: "docs", shards: [shards.old] })}`,
  );
}

describe("what happens to documents of a frozen shard", () => {
  test("they are replaced and deleted, folded or not, and stay so when the shard is back", async () => {
    const engine = await openTestEngine();
    const furnished = await furnish(engine);
    const { shards, vectors } = furnished;
    await archived(engine, [shards.old], "GLACIER");
    expect(await engine.delete(docs, "old-1")).toMatchObject({ id: "old-1" });
    expect(await errorOf(engine.delete(docs, "old-1"))).toMatchObject({ code: "document_not_found" });
    const embedding = vectors.get("old-2") as number[];
    const created_at = "2025-01-01T00:00:00Z";
    const put = await engine.put(docs, { id: "old-2", text: "replaced anchor", embedding, created_at });
    expect(put.created).toBe(false);
    expect((await engine.put(docs, { id: "fresh", text: "new anchor", embedding, created_at })).created).toBe(true);
    for (const folded of [false, true]) {
      if (folded) await engine.fold(docs);
      const stats = await engine.stats(docs);
      expect(stats.documents).toBe(120);
      expect(stats.shards.find(({ id }) => id === shards.old)).toMatchObject({ deleted: folded ? 2 : 0 });
      expect(await engine.get(docs, "old-2")).toMatchObject({ text: "replaced anchor" });
      expect(await errorOf(engine.get(docs, "old-1"))).toMatchObject({ code: "document_not_found" });
      expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 120 });
    }
    await finished(engine, await engine.restore(docs));
    const found = await engine.sql(docs, { sql: "SELECT id FROM documents WHERE text LIKE '%fossil%'" });
    expect(found).toMatchObject({ row_count: 38, degraded: false });
    expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 120, archived: [] });
  });

  test("BM25 counts them as before, their deaths too", async () => {
    const [warm, cold] = [await openTestEngine(), await openTestEngine()];
    const furnished = [await furnish(warm), await furnish(cold)];
    await archived(cold, [furnished[1]?.shards.old as string], "GLACIER");
    for (const engine of [warm, cold]) {
      for (const at of [3, 5, 8, 13]) await engine.delete(docs, `old-${at}`);
      await engine.fold(docs);
      for (const at of [21, 34]) await engine.delete(docs, `old-${at}`);
    }
    const ask = async (engine: Mosaic): Promise<unknown> => {
      const where = "created_at >= '2021-01-01'";
      const found = await engine.hybrid(docs, {
        query: "anchor -fossil breeze",
        where,
        include: ["scores"],
        limit: 50,
      });
      expect(found.degraded).toBe(false);
      return found.results;
    };
    expect(await ask(cold)).toEqual(await ask(warm));
  });

  test("a shard all of whose documents died is forgotten, its stub too", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    const { shards } = await furnish(engine, { each: 3 });
    await archived(engine, [shards.old], "GLACIER");
    for (const at of [0, 1, 2]) await engine.delete(docs, `old-${at}`);
    await engine.fold(docs);
    expect((await engine.stats(docs)).shards.map(({ id }) => id)).not.toContain(shards.old);
    expect(await engine.search(docs, { vector: Array(16).fill(1), recall: "exact" })).toMatchObject({
      degraded: false,
    });
  });
});

describe("restoring what takes hours", () => {
  test("the job waits, everybody is told, and goes on in another process", async () => {
    const clock = new TestClock();
    const store = new MemoryStore(clock, { restoreMs: 5 * hourMs });
    const settings = { restorePollMs: hourMs };
    const first = await openTestEngine({ store, clock, settings });
    const { shards, vectors } = await furnish(first);
    await archived(first, [shards.old], "DEEP_ARCHIVE");
    const begun = await first.restore(docs, { speed: "bulk" });
    await putAside(first, begun);
    const stats = await first.stats(docs);
    expect(stats.shards.find(({ id }) => id === shards.old)?.archived).toMatchObject({
      needs_restore: true,
      restore_asked_at: expect.any(String),
    });
    const vector = vectors.get("old-3") as number[];
    const [failure] = (await first.search(docs, { vector })).failed_shards;
    expect(failure?.detail).toContain("asked for at 2024-03-01");
    await first.close();

    const second = await openTestEngine({ store, clock, settings });
    await second.workInBackground();
    const again = await second.restore(docs);
    expect(await restoredInTime(second, clock, begun)).toMatchObject({ status: "done" });
    expect(await restoredInTime(second, clock, again)).toMatchObject({ status: "done" });
    const found = await second.search(docs, { vector, limit: 1 });
    expect(found).toMatchObject({ degraded: false, results: [{ id: "old-3" }] });
  });

  test("a copy that has gone again before it was used is asked for anew", async () => {
    const clock = new TestClock();
    const store = new MemoryStore(clock, { restoreMs: 5 * hourMs });
    const settings = { restorePollMs: hourMs, restoreCopyDays: 1 };
    const engine = await openTestEngine({ store, clock, settings });
    const { shards } = await furnish(engine);
    await archived(engine, [shards.old], "GLACIER");
    const begun = await engine.restore(docs);
    await putAside(engine, begun);
    await engine.close();
    clock.advance(40 * hourMs);
    const later = await openTestEngine({ store, clock, settings });
    await later.workInBackground();
    expect(await restoredInTime(later, clock, begun)).toMatchObject({ status: "done" });
  });
});

describe("older generations, branches, garbage", () => {
  test("the time before is read, branched off and gone back to", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    const { shards } = await furnish(engine);
    const { generation } = await engine.stats(docs);
    await archived(engine, [shards.old], "GLACIER");
    const sql = "SELECT count(text) FROM documents";
    expect(await engine.sql(docs, { sql, as_of: generation })).toMatchObject({ rows: [[120]], degraded: false });
    const name = "before" as Parameters<Mosaic["branch"]>[1];
    await engine.branch(docs, name, generation);
    const before = { ...docs, collection: name };
    expect(await engine.sql(before, { sql })).toMatchObject({ rows: [[120]], degraded: false });
    const frozen = "frozen" as Parameters<Mosaic["branch"]>[1];
    await engine.branch(docs, frozen);
    expect(await engine.sql({ ...docs, collection: frozen }, { sql })).toMatchObject({ rows: [[80]], degraded: true });
    await engine.delete({ ...docs, collection: frozen }, "old-1");
    await engine.fold({ ...docs, collection: frozen });
    const job = await engine.restore({ ...docs, collection: frozen });
    expect(await finished(engine, job)).toMatchObject({ status: "done" });
    expect(await engine.sql({ ...docs, collection: frozen }, { sql })).toMatchObject({
      rows: [[119]],
      degraded: false,
    });
    expect(await engine.sql(docs, { sql })).toMatchObject({ rows: [[80]], degraded: true });
    await engine.rollback(docs, generation);
    expect(await engine.sql(docs, { sql })).toMatchObject({ rows: [[120]], degraded: false });
    for (const collection of ["docs", "before", "frozen"])
      expect(await engine.verify({ ...docs, collection: collection as typeof name })).toMatchObject({ ok: true });
  });

  test("gc deletes the old file when its time has come, and nothing that is named", async () => {
    const clock = new TestClock();
    const store = new MemoryStore(clock);
    const engine = await openTestEngine({ store, clock, settings: { gcGraceMs: hourMs, snapshotKeepMs: hourMs } });
    const { shards } = await furnish(engine);
    await archived(engine, [shards.old], "GLACIER");
    expect(await keysOf(store, shards.old)).toHaveLength(5);
    for (let round = 0; round < 4; round++) {
      clock.advance(2 * hourMs);
      await engine.gc(docs, true);
    }
    const keys = await keysOf(store, shards.old);
    expect(keys.map((key) => key.split("/")[3])).toEqual(["archive", "stubs", "summaries", "terms"]);
    expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 120 });
    await finished(engine, await engine.restore(docs));
    for (let round = 0; round < 4; round++) {
      clock.advance(2 * hourMs);
      await engine.gc(docs, true);
    }
    const back = await keysOf(store, shards.old);
    expect(back.map((key) => key.split("/")[3])).toEqual(["shards", "summaries", "terms"]);
    expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 120, archived: [] });
  });

  test("a compaction leaves archived shards alone, also one that began before", async () => {
    const engine = await openTestEngine();
    const { shards } = await furnish(engine);
    await archived(engine, [shards.old], "GLACIER");
    await archived(engine, [shards.mid], "GLACIER_IR");
    await engine.delete(docs, "new-1");
    expect(await finished(engine, await engine.compact(docs))).toMatchObject({ status: "done" });
    const after = await engine.stats(docs);
    expect(after.shards_by_status).toMatchObject({ compacted: 1, archived: 2 });
    expect(after.shards.map(({ id }) => id)).toEqual(expect.arrayContaining([shards.old, shards.mid]));
    expect(await engine.verify(docs)).toMatchObject({ ok: true, documents: 119 });
  });

  test("verify names a file that has gone, and repair sets its shard aside", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    const { shards } = await furnish(engine);
    await archived(engine, [shards.old], "GLACIER");
    const [key = ""] = await keysOf(store, `/archive/${shards.old}`);
    await store.delete(key);
    const report = await engine.verify(docs);
    expect(report).toMatchObject({ ok: false, problems: [{ object: key, code: "object_missing" }] });
    // There is a local copy, of before.
    expect(await engine.verify(docs, { repair: true })).toMatchObject({ ok: true, repairs: [{ action: "restored" }] });
    expect(await store.head(key)).toMatchObject({ storageClass: "GLACIER" });
    await store.delete(key);
    const elsewhere = await openTestEngine({ store });
    const repaired = await elsewhere.verify(docs, { repair: true });
    expect(repaired).toMatchObject({ ok: true, documents: 80, quarantined: [{ shard: shards.old, documents: 40 }] });
  });
});

const keysOf = async (store: ObjectStore, part: string): Promise<readonly string[]> =>
  (await allKeys(store, "tenants/acme/docs/")).filter((key) => key.includes(part));

describe("which shards are moved", () => {
  test("by age: those whose newest document is older", async () => {
    const engine = await openTestEngine({ clock: new TestClock(Date.UTC(2024, 6, 1)) });
    const { shards } = await furnish(engine);
    const job = await finished(engine, await engine.archive(docs, { older_than: "365d" }));
    expect(job).toMatchObject({ status: "done", result: { shards_archived: 2 }, progress: { done: 2, total: 2 } });
    const stats = await engine.stats(docs);
    expect(stats.shards.find(({ id }) => id === shards.new)).toMatchObject({
      storage_class: "STANDARD",
      archived: null,
    });
    expect(stats.shards.find(({ id }) => id === shards.old)).toMatchObject({
      status: "archived",
      storage_class: "GLACIER_IR",
    });
    const again = await finished(engine, await engine.archive(docs, { older_than: "365d" }));
    expect(again).toMatchObject({ status: "done", result: { shards_archived: 0 } });
  });

  test("by policy: those that nobody wrote or restored for as long either", async () => {
    const clock = new TestClock(Date.UTC(2024, 6, 1));
    const engine = await openTestEngine({ clock, settings: { archiveAfterDays: 30, archiveClass: "STANDARD_IA" } });
    const { shards } = await furnish(engine);
    expect(await engine.applyPolicies(docs)).toBeUndefined();
    clock.advance(31 * 24 * hourMs);
    const begun = await engine.applyPolicies(docs);
    expect(begun).toBeDefined();
    if (begun !== undefined) await finished(engine, begun);
    expect((await engine.stats(docs)).bytes_by_class).toEqual({ STANDARD_IA: expect.any(Number) });
    await finished(engine, await engine.restore(docs, { shards: [shards.old] }));
    expect(await engine.applyPolicies(docs)).toBeUndefined();
    clock.advance(31 * 24 * hourMs);
    expect(await engine.applyPolicies(docs)).toMatchObject({ kind: "archive" });
  });

  test("a collection's own policy goes before the settings; a server applies it by itself", async () => {
    const clock = new TestClock(Date.UTC(2024, 6, 1));
    const engine = await openTestEngine({ clock, settings: { archiveAfterDays: 1, policyIntervalMs: hourMs } });
    const kept = { ...docs, collection: "kept" as typeof docs.collection };
    const spec = { embedding_model: "none", dimensions: 2 } as const;
    await engine.createCollection(docs, { ...spec, archive_after_days: 10, archive_class: "GLACIER" });
    await engine.createCollection(kept, { ...spec, archive_after_days: 0 });
    for (const scope of [docs, kept]) {
      await engine.put(scope, { id: "a", text: "x", embedding: [1, 0], created_at: "2020-01-01T00:00:00Z" });
      await engine.fold(scope);
    }
    expect(await engine.collection(docs)).toMatchObject({ archive_after_days: 10, archive_class: "GLACIER" });
    await engine.workInBackground();
    clock.advance(11 * 24 * hourMs);
    const classes = async (scope: typeof docs): Promise<unknown> =>
      Object.keys((await engine.stats(scope)).bytes_by_class);
    await expect.poll(() => classes(docs), { timeout: 120_000, interval: 5 }).toEqual(["GLACIER"]);
    expect(await classes(kept)).toEqual(["STANDARD"]);
  });

  test("what lies in a class that must be restored goes to no other before that, and not faster than there is", async () => {
    const engine = await openTestEngine();
    const { shards } = await furnish(engine, { each: 2 });
    await archived(engine, [shards.old, shards.mid], "DEEP_ARCHIVE");
    await archived(engine, [shards.new], "GLACIER");
    // Twice the same is no harm; by age others are passed over.
    for (const request of [{ shards: [shards.old] }, { older_than: "1h" }]) {
      const again = await finished(engine, await engine.archive(docs, { ...request, storage_class: "DEEP_ARCHIVE" }));
      expect(again).toMatchObject({ status: "done", result: { shards_archived: 0 } });
    }
    const other = engine.archive(docs, { shards: [shards.new, shards.mid], storage_class: "GLACIER" });
    expect(await errorOf(other)).toMatchObject({
      kind: "conflict",
      code: needsRestore,
      detail: expect.stringContaining(`"shards":["${shards.mid}"]`),
    });
    for (const request of [{}, { shards: [shards.new, shards.old] }])
      expect(await errorOf(engine.restore(docs, { ...request, speed: "expedited" }))).toMatchObject({
        kind: "invalid",
        code: "speed_not_available",
      });
    const fast = await finished(engine, await engine.restore(docs, { shards: [shards.new], speed: "expedited" }));
    expect(fast).toMatchObject({ status: "done", result: { shards_restored: 1 } });
    const rest = await finished(engine, await engine.restore(docs));
    expect(rest).toMatchObject({ result: { shards_restored: 2 } });
    expect(await finished(engine, await engine.restore(docs, { shards: [shards.new] }))).toMatchObject({
      status: "done",
      result: { shards_restored: 0 },
    });
  });

  test("what makes no sense is refused", async () => {
    const engine = await openTestEngine();
    const { shards } = await furnish(engine, { each: 2 });
    const refused = async (request: object): Promise<unknown> => errorOf(engine.archive(docs, request));
    expect(await refused({})).toMatchObject({ code: "shards_or_older_than" });
    expect(await refused({ shards: [shards.old], older_than: "1d" })).toMatchObject({ code: "shards_or_older_than" });
    expect(await refused({ older_than: "soon" })).toMatchObject({ code: "invalid_older_than" });
    expect(await refused({ shards: ["nothing"] })).toMatchObject({ kind: "not_found", code: "shard_not_found" });
    expect(await refused({ older_than: "1d", storage_class: "FREEZER" })).toMatchObject({ kind: "invalid" });
    expect(await errorOf(engine.restore(docs, { shards: ["nothing"] }))).toMatchObject({ code: "shard_not_found" });
    expect(await errorOf(engine.restore(docs, { speed: "warp" as "bulk" }))).toMatchObject({ kind: "invalid" });
  });
});
