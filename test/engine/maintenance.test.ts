import { expect, test } from "vitest";
import { scopeOf } from "../../src/base/index.ts";
import { MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { TestClock } from "./support/clock.ts";
import { openTestEngine } from "./support/engine.ts";
import { PassingStore } from "./support/stores.ts";

const day = 86_400_000;
const document = (at: number): object => ({ id: `d${at}`, text: `text ${at}`, embedding: [at + 1, 1] });

async function filled(scopes: readonly string[], batches = 1) {
  const clock = new TestClock();
  const store = new MemoryStore(clock);
  const engine = await openTestEngine({ store, clock });
  for (const name of scopes) {
    const [tenant = "", collection = ""] = name.split("/");
    for (let batch = 0; batch < batches; batch++)
      await engine.putMany(scopeOf(tenant, collection), [document(batch), document(batch + 100)]);
  }
  return { clock, store, engine };
}

test("folds what was left in the log, and looks for litter once a day", async () => {
  const { engine, clock } = await filled(["a/x", "b/x", "b/y"]);
  expect(await engine.maintain()).toMatchObject({ complete: true, collections: 3, folded: 3, collected: 3, failed: 0 });
  expect((await engine.stats(scopeOf("b", "y"))).wal.segments).toBe(0);
  expect(await engine.maintain()).toMatchObject({ complete: true, folded: 0, collected: 0 });
  clock.advance(day);
  expect(await engine.maintain()).toMatchObject({ folded: 0, collected: 3 });
});

test("compacts what asks for it, and leaves no job behind", async () => {
  const { engine, store, clock } = await filled([]);
  const scope = scopeOf("a", "x");
  await engine.createCollection(scope, { shard_max_docs: 4, embedding_model: "none" });
  for (let at = 0; at < 32; at += 4) {
    await engine.putMany(
      scope,
      [0, 1, 2, 3].map((more) => document(at + more)),
    );
    await engine.fold(scope);
  }
  const before = (await engine.stats(scope)).shards.length;
  clock.advance(1);
  expect(await engine.maintain()).toMatchObject({ compactions: 1, failed: 0 });
  const { shards, documents } = await engine.stats(scope);
  expect([documents, shards.every(({ status }) => status === "compacted")]).toEqual([32, true]);
  expect(shards.length).toBeLessThanOrEqual(before);
  expect(await Array.fromAsync(store.list("jobs/"))).toEqual([]);
  expect(await engine.maintain()).toMatchObject({ compactions: 0 });
});

test("when time is up goes on with the next collection in the next run, tenants in turn", async () => {
  const { engine } = await filled(["a/1", "a/2", "a/3", "b/1", "c/1"]);
  const folded: string[] = [];
  const fold = engine.fold.bind(engine);
  engine.fold = async (scope) => {
    folded.push(`${scope.tenant}/${scope.collection}`);
    await fold(scope);
  };
  for (let run = 0; run < 5; run++) {
    let asked = 0;
    await engine.maintain({ remainingMs: () => (++asked > 2 ? 0 : 600_000) });
  }
  expect(new Set(folded.slice(0, 3))).toEqual(new Set(["a/1", "b/1", "c/1"]));
  expect([...folded].sort()).toEqual(["a/1", "a/2", "a/3", "b/1", "c/1"]);
});

test("a collection that can't be maintained keeps no other waiting", async () => {
  const { engine, store } = await filled(["a/x", "b/x", "c/x"]);
  await store.put("tenants/a/x/manifest.json", Buffer.from("{"));
  expect(await engine.maintain()).toMatchObject({ complete: true, folded: 2, failed: 1 });
});

test("is done by one process at a time; one that died is followed after its time", async () => {
  const { store, clock } = await filled(["a/x"]);
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const slow = new (class extends PassingStore {
    override list(...args: Parameters<ObjectStore["list"]>): ReturnType<ObjectStore["list"]> {
      if (args[0] !== "tenants/") return super.list(...args);
      begun.resolve();
      const inner = this.inner;
      return (async function* wait() {
        await gate.promise;
        yield* inner.list(...args);
      })();
    }
  })(store);
  const first = (await openTestEngine({ store: slow, clock })).maintain();
  await begun.promise;
  const other = await openTestEngine({ store, clock });
  expect(await other.maintain()).toMatchObject({ complete: false, collections: 0 });
  clock.advance(120_001);
  expect(await other.maintain()).toMatchObject({ complete: true, folded: 1 });
  gate.resolve();
  await first.catch(() => undefined);
});

test("hands on files that no event told of, or reads them itself", async () => {
  const { engine, store, clock } = await filled([]);
  const content = Buffer.from(`${JSON.stringify(document(1))}\n`);
  await store.put("inbox/a/x/old.ndjson", content);
  clock.advance(15 * 60_000);
  await store.put("inbox/a/x/new.ndjson", content);
  const handedOn: string[] = [];
  const report = await engine.maintain({ handOn: async (key) => void handedOn.push(key) });
  expect([report.files, handedOn]).toEqual([1, ["inbox/a/x/old.ndjson"]]);
  expect(await engine.maintain()).toMatchObject({ files: 1 });
  expect((await engine.inboxFiles(scopeOf("a", "x").tenant, { limit: 5 })).files.map(({ status }) => status)).toEqual([
    "waiting",
    "processed",
  ]);
});

test("asks less and less for tenants where there is nothing to do, and soon again once there was", async () => {
  const { engine, clock } = await filled(["busy/x", "resting/x"]);
  const minutes = 60_000;
  await engine.maintain();
  // What the folds superseded is deleted; then there is nothing left.
  for (let run = 0; run < 4; run++) {
    clock.advance(day);
    await engine.maintain();
  }
  clock.advance(day);
  expect(await engine.maintain()).toMatchObject({ collections: 2 });
  clock.advance(15 * minutes);
  expect(await engine.maintain()).toMatchObject({ complete: true, collections: 0 });
  await engine.putMany(scopeOf("busy", "x"), [document(7)]);
  clock.advance(day);
  expect(await engine.maintain()).toMatchObject({ collections: 2, folded: 1 });
  clock.advance(15 * minutes);
  expect(await engine.maintain()).toMatchObject({ collections: 1 });
});

test("deletes what is known of files and jobs that are long over, once a day, and nothing younger", async () => {
  const { engine, store, clock } = await filled(["a/x"]);
  const scope = scopeOf("a", "x");
  const drop = (name: string) => store.put(`inbox/a/x/${name}`, Buffer.from(`${JSON.stringify(document(7))}\n`));
  const ended = async (): Promise<string> => {
    const { id } = await engine.compact(scope);
    await engine.jobEnded(id);
    return id;
  };
  const kept = async (): Promise<number[]> =>
    await Promise.all(
      ["inbox-state/", "jobs/"].map(async (prefix) => (await Array.fromAsync(store.list(prefix))).length),
    );
  await drop("old.ndjson");
  await engine.inbox.take("inbox/a/x/old.ndjson");
  const old = await ended();
  clock.advance(29 * day);
  await drop("new.ndjson");
  await engine.inbox.take("inbox/a/x/new.ndjson");
  const young = await ended();
  expect(await engine.maintain()).toMatchObject({ complete: true, forgotten: 0, failed: 0 });
  clock.advance(day + 60_000);
  expect(await kept()).toEqual([2, 2]);
  expect(await engine.maintain()).toMatchObject({ complete: true, forgotten: 2 });
  expect(await kept()).toEqual([1, 1]);
  await expect(engine.job(scope.tenant, old)).rejects.toMatchObject({ code: "job_not_found" });
  expect(await engine.job(scope.tenant, young)).toMatchObject({ status: "done" });
  clock.advance(day / 2);
  expect(await engine.maintain()).toMatchObject({ forgotten: 0 });
});

test("a job that is not over stays, however old", async () => {
  const clock = new TestClock();
  const store = new MemoryStore(clock);
  const engine = await openTestEngine({ store, clock, leaveJob: async () => undefined });
  await engine.putMany(scopeOf("a", "x"), [document(1)]);
  const { id } = await engine.compact(scopeOf("a", "x"));
  // A version that does not know the kind leaves it alone as well.
  const key = `jobs/a/${id}.json`;
  const got = await store.get(key);
  const text = got.status === "found" ? Buffer.from(got.bytes).toString() : "";
  await store.put(key, Buffer.from(text.replace('"compact"', '"of-tomorrow"')));
  clock.advance(400 * day);
  expect(await engine.maintain()).toMatchObject({ forgotten: 0 });
  expect(await store.head(key)).toBeDefined();
});

test("long work is left to another process, which is told of it and does that job alone", async () => {
  const scope = scopeOf("a", "x");
  const store = new MemoryStore();
  const told: string[][] = [];
  const leaveJob = async (tenant: string, id: string): Promise<void> => void told.push([tenant, id]);
  const asks = await openTestEngine({ store, leaveJob });
  const does = await openTestEngine({ store });
  await asks.putMany(scope, [document(1)]);
  const first = await asks.compact(scope);
  const second = await asks.computePageRank(scope, {});
  expect(told).toEqual([
    ["a", first.id],
    ["a", second.id],
  ]);
  await does.doJob(scope.tenant, second.id);
  expect(await asks.job(scope.tenant, second.id)).toMatchObject({ status: "done" });
  expect(await asks.job(scope.tenant, first.id)).toMatchObject({ status: "running" });
  await expect(does.doJob(scopeOf("b", "x").tenant, first.id)).rejects.toMatchObject({ code: "job_not_found" });
});
