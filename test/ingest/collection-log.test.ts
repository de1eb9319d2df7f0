import { expect, test } from "vitest";
import { collectionPrefix } from "../../src/base/index.ts";
import { CollectionLog, encodeSegment } from "../../src/ingest/index.ts";
import { ManifestStore, segmentKey } from "../../src/manifest/index.ts";
import { MemoryStore, type ObjectInfo } from "../../src/store/index.ts";
import { TestClock, testRandom } from "../engine/support/clock.ts";
import { PassingStore } from "../engine/support/stores.ts";
import { scope, settings } from "../manifest/sample.ts";
import { upsert } from "./operations.ts";

const gcGraceMs = 60_000;
const first = collectionPrefix(scope) + segmentKey(1);

/** Does something once, just before the log is asked for what follows the manifest: by LIST or by key. */
class Suspended extends PassingStore {
  before: (() => Promise<void>) | undefined;

  override async get(...args: Parameters<PassingStore["get"]>): ReturnType<PassingStore["get"]> {
    if (args[0] === first) await this.#suspend();
    return await super.get(...args);
  }
  override async *list(...args: Parameters<PassingStore["list"]>): AsyncGenerator<ObjectInfo> {
    await this.#suspend();
    yield* super.list(...args);
  }

  async #suspend(): Promise<void> {
    const { before } = this;
    this.before = undefined;
    await before?.();
  }
}

test.each(["refresh", "open"] as const)(
  "%s by a process that was suspended for hours does not take a segment that was folded and deleted for the log's end",
  async (what) => {
    const inner = new MemoryStore();
    const store = new Suspended(inner);
    const clock = new TestClock();
    const manifests = new ManifestStore({ store: inner, clock, random: testRandom(1) }, scope);
    const created = await manifests.create(settings);
    const parts = {
      store,
      clock,
      manifests: new ManifestStore({ store, clock, random: testRandom(2) }, scope),
      prepare: async () => undefined,
      adopted: () => undefined,
      gcGraceMs,
    };
    const opened = what === "refresh" ? await CollectionLog.open(scope, parts) : undefined;
    const segment = {
      incarnation: created.manifest.incarnation,
      nonce: "n",
      atMs: clock.now(),
      operations: [upsert("a")],
    };
    await inner.put(first, encodeSegment(segment), { ifNoneMatch: "*" });
    store.before = async () => {
      await manifests.update(created, () => ({ foldedThrough: 1 }));
      await inner.delete(first);
      clock.advance(2 * gcGraceMs);
    };
    await opened?.refresh();
    const log = opened ?? (await CollectionLog.open(scope, parts));
    expect(store.before).toBeUndefined();
    expect(log.manifest.foldedThrough).toBe(1);
  },
);
