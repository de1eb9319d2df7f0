import { expect, test } from "vitest";
import { scopeOf, silentLogger } from "../../src/base/index.ts";
import type { CollectionLog } from "../../src/ingest/collection-log.ts";
import type { Fold } from "../../src/ingest/fold.ts";
import { FoldSchedule, type FoldScheduleOptions } from "../../src/ingest/fold-schedule.ts";
import { TestClock } from "../engine/support/clock.ts";

/** A schedule whose folds fail as long as `broken`, over a tail of so many segments. */
function scheduleOf(segments: number, options: Partial<FoldScheduleOptions> = {}) {
  const clock = new TestClock();
  const state = { broken: false, folds: 0, segments };
  const log = { scope: scopeOf("acme", "docs"), tail: state };
  const run = async () => {
    state.folds++;
    if (state.broken) throw new Error("storage is away");
    state.segments = 0;
    return "folded" as const;
  };
  const schedule = new FoldSchedule(log as unknown as CollectionLog, { run } as unknown as Fold, {
    ...{ clock, logger: silentLogger, segments: 32, bytes: 1 << 30, idleMs: 5000, onFolded: () => undefined },
    ...options,
  });
  const notice = async (afterMs = 0): Promise<number> => {
    clock.advance(afterMs);
    schedule.noticeTail();
    await schedule.settled();
    await new Promise((resolve) => setImmediate(resolve));
    return state.folds;
  };
  return { state, notice };
}

test("a tail rests as long as it is told to, also for hours", async () => {
  const { notice } = scheduleOf(3, { idleMs: 3_600_000 });
  expect(await notice()).toBe(0);
  expect(await notice(3_599_000)).toBe(0);
  expect(await notice(1000)).toBe(1);
});

test("a fold that failed is tried again by the writes of a minute later, where nothing happens between requests", async () => {
  const { state, notice } = scheduleOf(40, { idleMs: 0 });
  state.broken = true;
  expect(await notice()).toBe(1);
  expect(await notice(1000)).toBe(1);
  state.broken = false;
  expect(await notice(59_000)).toBe(2);
  expect(state.segments).toBe(0);
});

test("and by itself where time passes, later each time, but after a minute at most", async () => {
  const { state, notice } = scheduleOf(40);
  state.broken = true;
  expect(await notice()).toBe(1);
  expect(await notice(9_000)).toBe(1);
  expect(await notice(1_000)).toBe(2);
  for (let folds = 3; folds < 10; folds++) expect(await notice(60_000)).toBe(folds);
});
