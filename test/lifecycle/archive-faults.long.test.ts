import { beforeAll, describe, expect, test } from "vitest";
import { MosaicError, scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { archived, finished, furnish } from "../engine/support/archived.ts";
import { TestClock } from "../engine/support/clock.ts";
import { docs, openTestEngine, shared } from "../engine/support/engine.ts";
import { PassingStore } from "../engine/support/stores.ts";

const hourMs = 3_600_000;
const other = scopeOf("acme", "other");

/** What goes wrong with one call that changes something: its answer is lost, or all ends before or after it. */
const faults = ["answer lost", "ended before", "ended after"] as const;
type Fault = (typeof faults)[number];

/** Fails one of the calls that change something; after an end all that follow fail too. */
class FaultyStore extends PassingStore {
  failing: { readonly at: number; readonly fault: Fault } | undefined;
  calls = 0;
  isOver = false;

  #failure(): MosaicError {
    return new MosaicError("unavailable", "call storage", { code: this.isOver ? "storage_denied" : "outcome_unknown" });
  }

  async #change<T>(task: () => Promise<T>): Promise<T> {
    if (this.isOver) throw this.#failure();
    if (this.failing === undefined || this.calls++ !== this.failing.at) return await task();
    const { fault } = this.failing;
    if (fault === "answer lost" || fault === "ended after") await task();
    this.isOver = fault.startsWith("ended");
    throw this.#failure();
  }

  override put(...call: Parameters<PassingStore["put"]>): ReturnType<PassingStore["put"]> {
    // The job itself is another matter: it is about what happens to shards.
    return call[0].startsWith("jobs/") && !this.isOver ? super.put(...call) : this.#change(() => super.put(...call));
  }
  override copy(...call: Parameters<PassingStore["copy"]>): ReturnType<PassingStore["copy"]> {
    return this.#change(() => super.copy(...call));
  }
  override restore(...call: Parameters<PassingStore["restore"]>): Promise<void> {
    return this.#change(() => super.restore(...call));
  }
  override delete(key: string): Promise<void> {
    return this.#change(() => super.delete(key));
  }
  override get(...call: Parameters<PassingStore["get"]>): ReturnType<PassingStore["get"]> {
    return this.isOver ? Promise.reject(this.#failure()) : super.get(...call);
  }
  override head(...call: Parameters<PassingStore["head"]>): ReturnType<PassingStore["head"]> {
    return this.isOver ? Promise.reject(this.#failure()) : super.head(...call);
  }
}

/** The oldest shard into a colder class, or back. */
async function work(
  engine: Mosaic,
  what: "archive" | "restore",
  storage_class: "GLACIER" | "GLACIER_IR" = "GLACIER",
): Promise<string> {
  const { shards } = await engine.stats(docs);
  const [oldest] = [...shards].sort((a, b) => ((a.created_at?.min ?? "") < (b.created_at?.min ?? "") ? -1 : 1));
  const ids = [oldest?.id ?? ""];
  // What has arrived where it must be restored from can be asked for there again, and nowhere else.
  const target = oldest?.archived?.needs_restore === true ? "GLACIER" : storage_class;
  const begun =
    what === "archive"
      ? await engine.archive(docs, { shards: ids, storage_class: target })
      : await engine.restore(docs, { shards: ids });
  await engine.jobEnded(begun.id);
  return begun.id;
}

/** The same objects in a store of their own. */
async function copied(from: MemoryStore, clock: TestClock): Promise<MemoryStore> {
  const to = new MemoryStore(clock);
  for await (const { key, storageClass } of from.list("")) {
    await from.restore(key, { days: 1, speed: "bulk" });
    const got = await from.get(key);
    if (got.status === "found") await to.put(key, got.bytes, { storageClass });
  }
  return to;
}

describe.each(["archive", "restore"] as const)(
  "%s, with every call that changes something going wrong in turn",
  (what) => {
    const settings = { gcGraceMs: hourMs, snapshotKeepMs: hourMs, searchThreads: 0 };
    const clock = new TestClock();
    const furnished = new MemoryStore(clock);
    beforeAll(() =>
      shared(async () => {
        const engine = await openTestEngine({ store: furnished, clock, settings });
        const { shards } = await furnish(engine, { each: 4 });
        if (what === "restore") await archived(engine, [shards.old], "GLACIER");
      }),
    );

    test.each(faults)("%s: nothing that is named is lost, and the next attempt succeeds", async (fault) => {
      const sound = { ok: true, documents: 12, problems: [], quarantined: [] };
      for (let at = 0; ; at++) {
        const memory = await copied(furnished, clock);
        const store = new FaultyStore(memory);
        const engine = await openTestEngine({ store, clock, settings });
        await engine.stats(docs);
        store.failing = { at, fault };
        await work(engine, what).catch(() => undefined);
        const reached = store.calls > at;
        await engine.close().catch(() => undefined);

        const calm = await openTestEngine({ store: memory, clock, settings });
        expect(await calm.verify(docs), `${fault} at ${at}`).toMatchObject(sound);
        for (let round = 0; round < 3; round++) {
          clock.advance(2 * hourMs);
          await calm.gc(docs, true);
        }
        expect(await calm.verify(docs), `${fault} at ${at}, after gc`).toMatchObject(sound);
        const id = await work(calm, what, "GLACIER_IR");
        expect(await finished(calm, await calm.job(docs.tenant, id))).toMatchObject({ status: "done" });
        expect((await calm.stats(docs)).shards_by_status).toMatchObject({ archived: what === "archive" ? 1 : 0 });
        expect(await calm.verify(docs)).toMatchObject(sound);
        expect((await calm.gc(docs, false)).orphans, `${fault} at ${at}`).toEqual([]);
        await calm.close();
        if (!reached) {
          expect(at).toBeGreaterThan(3);
          return;
        }
      }
    });
  },
);

test("a job that ended in the middle is gone on with by another process", async () => {
  const clock = new TestClock();
  const memory = new MemoryStore(clock);
  const store = new FaultyStore(memory);
  const first = await openTestEngine({ store, clock });
  const { shards } = await furnish(first, { each: 4 });
  await furnish(first, { scope: other, each: 2 });
  store.failing = { at: 2, fault: "ended after" };
  const begun = await first.archive(docs, { shards: Object.values(shards), storage_class: "GLACIER" });
  await first.jobEnded(begun.id);
  await first.close().catch(() => undefined);
  clock.advance(hourMs);
  const second = await openTestEngine({ store: memory, clock });
  await second.workInBackground();
  expect(await finished(second, begun)).toMatchObject({ status: "done", progress: { done: 3, total: 3 } });
  expect((await second.stats(docs)).shards_by_status).toMatchObject({ archived: 3 });
  expect((await second.stats(other)).shards_by_status).toMatchObject({ archived: 0 });
});
