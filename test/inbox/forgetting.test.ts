import { gzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import type { ObjectStore } from "../../src/store/index.ts";
import { PassingStore } from "../engine/support/stores.ts";
import { lines, textsOf, type World, world } from "./support/world.ts";

const day = 86_400_000;
const stateKey = "inbox-state/acme/docs/a.ndjson";
let w: World;
beforeEach(() => {
  w = world();
});

const states = (): Promise<string[]> => w.keys("inbox-state/");

test("what is known of a file that has gone is kept for INBOX_STATE_DAYS, and not longer", async () => {
  await w.inbox.take(await w.drop("acme/docs/a.ndjson", lines(3)));
  w.clock.advance(30 * day - 1);
  expect(await w.inbox.forget()).toEqual({ forgotten: 0, complete: true });
  w.clock.advance(2);
  expect(await w.another({ inboxStateDays: 0 }).forget()).toEqual({ forgotten: 0, complete: true });
  expect(await states()).toEqual([stateKey]);
  expect(await w.inbox.forget()).toEqual({ forgotten: 1, complete: true });
  expect(await states()).toEqual([]);
});

test("an event that comes when all is forgotten, for a file that has gone, stores nothing and writes nothing", async () => {
  const key = await w.drop("acme/docs/a.ndjson", lines(3));
  await w.inbox.take(key);
  w.clock.advance(31 * day);
  await w.inbox.forget();
  const { puts } = w.sink;
  expect(await w.inbox.take(key)).toEqual({ status: "gone", key });
  expect([w.sink.puts, await states()]).toEqual([puts, []]);
});

test("the same file dropped again when all is forgotten has the same documents", async () => {
  const content = gzipSync(lines(9));
  for (let time = 0; time < 3; time++) {
    await w.inbox.take(await w.drop("acme/docs/a.ndjson.gz", content));
    w.clock.advance(31 * day);
    expect(await w.inbox.forget()).toMatchObject({ forgotten: 1 });
  }
  expect(w.sink.texts()).toEqual(textsOf(9));
});

test("while a file is there, what is known of it stays, however old: the next one goes on where the last one stopped", async () => {
  const key = await w.drop("acme/docs/a.ndjson", lines(12));
  let asked = 0;
  expect(await w.inbox.take(key, () => (++asked > 1 ? 0 : 60_000))).toMatchObject({ status: "paused" });
  w.clock.advance(400 * day);
  expect(await w.inbox.forget()).toEqual({ forgotten: 0, complete: true });
  const before = w.sink.puts;
  expect(await w.inbox.take(key)).toMatchObject({ status: "processed", accepted: 12 });
  expect(w.sink.puts - before).toBeLessThan(3);
});

test("of a file that was taken away in the middle nothing is known any more either", async () => {
  const key = await w.drop("acme/docs/a.ndjson", lines(12));
  let asked = 0;
  await w.inbox.take(key, () => (++asked > 1 ? 0 : 60_000));
  await w.store.delete(key);
  w.clock.advance(31 * day);
  expect(await w.inbox.forget()).toMatchObject({ forgotten: 1 });
});

test("a file of the name that is dropped and begun at that moment keeps its record", async () => {
  const key = await w.drop("acme/docs/a.ndjson", lines(3));
  await w.inbox.take(key);
  w.clock.advance(31 * day);
  const racing = new (class extends PassingStore {
    override async delete(...args: Parameters<ObjectStore["delete"]>): Promise<void> {
      await w.drop("acme/docs/a.ndjson", lines(12, 100));
      let asked = 0;
      await w.inbox.take(key, () => (++asked > 1 ? 0 : 60_000));
      await super.delete(...args);
    }
  })(w.store);
  expect(await w.another({}, racing).forget()).toEqual({ forgotten: 0, complete: true });
  expect(await w.json(stateKey)).toMatchObject({ status: "reading", sizeBytes: lines(12, 100).length });
  expect(await w.inbox.take(key)).toMatchObject({ status: "processed", accepted: 12 });
});

test("a record that can't be read keeps no other, and stays", async () => {
  await w.inbox.take(await w.drop("acme/docs/b.ndjson", lines(1)));
  await w.store.put(stateKey, Buffer.from("{"));
  w.clock.advance(31 * day);
  expect(await w.inbox.forget()).toEqual({ forgotten: 1, complete: true });
  expect(await states()).toEqual([stateKey]);
});

test("stops when time is up, and says so", async () => {
  for (const name of ["a", "b", "c"]) await w.inbox.take(await w.drop(`acme/docs/${name}.ndjson`, lines(1)));
  w.clock.advance(31 * day);
  let asked = 0;
  expect(await w.inbox.forget(() => (++asked > 2 ? 0 : 60_000))).toEqual({ forgotten: 2, complete: false });
  expect(await w.inbox.forget()).toEqual({ forgotten: 1, complete: true });
});
