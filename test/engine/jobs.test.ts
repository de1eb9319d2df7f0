import { describe, expect, test } from "vitest";
import { type Scope, scopeOf, silentLogger } from "../../src/base/index.ts";
import type { Collection } from "../../src/engine/collection.ts";
import { Jobs } from "../../src/engine/jobs/jobs.ts";
import { type JobKind, PutAside } from "../../src/engine/jobs/kind.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { TestClock, testRandom } from "./support/clock.ts";

const docs: Scope = scopeOf("acme", "docs");
const hourMs = 3_600_000;

interface Counted {
  readonly step: number;
}

/** Three steps, the second of which has to wait for an hour. */
class Steps implements JobKind<{ readonly word: string }, Counted> {
  readonly name = "steps";
  readonly unit = "steps";
  readonly seen: string[] = [];
  /** Called at the end of each step. */
  onStep: (step: number) => Promise<void> = async () => undefined;
  readonly #clock: TestClock;
  readonly #waits: boolean;

  constructor(clock: TestClock, waits: boolean) {
    this.#clock = clock;
    this.#waits = waits;
  }

  async run({
    input,
    state,
    save,
  }: Parameters<JobKind<{ readonly word: string }, Counted>["run"]>[0]): Promise<Record<string, number>> {
    const from = state?.step ?? 0;
    for (let step = from + 1; step <= 3; step++) {
      this.seen.push(`${input.word} ${step}`);
      await this.onStep(step);
      await save({ step }, step, 3);
      if (step === 2 && this.#waits) throw new PutAside(this.#clock.now() + hourMs);
    }
    return { steps: 3 };
  }
}

function furnished({ waits = false } = {}) {
  const [store, clock] = [new MemoryStore(), new TestClock()];
  let seed = 0;
  const processOf = (kinds: readonly JobKind<never, never>[]): Jobs =>
    new Jobs({
      store,
      clock,
      random: testRandom(++seed),
      logger: silentLogger,
      open: async (scope) => ({ scope }) as unknown as Collection,
      kinds,
    });
  const steps = new Steps(clock, waits);
  return { clock, steps, processOf, jobs: processOf([steps]) };
}

/** Lets whatever is under way come to rest: nothing here waits for anything but turns of the event loop. */
async function atRest(jobs: Jobs, id: string): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  await jobs.settled(id);
}

describe("a job", () => {
  test("keeps what was asked for and says how far it is", async () => {
    const { jobs, steps } = furnished();
    const { id } = await jobs.begin(steps, docs, { word: "go" });
    await jobs.settled(id);
    expect(await jobs.get(docs.tenant, id)).toMatchObject({
      kind: "steps",
      collection: "docs",
      status: "done",
      waits_until: null,
      progress: { done: 3, total: 3, unit: "steps" },
      result: { steps: 3 },
    });
    expect(steps.seen).toEqual(["go 1", "go 2", "go 3"]);
  });

  test("is gone on with where it was, once its process has given no sign of life for a minute", async () => {
    const { clock, processOf, steps, jobs: first } = furnished();
    steps.onStep = (step) => (step === 2 ? new Promise(() => undefined) : Promise.resolve()); // killed in its second step
    const { id } = await first.begin(steps, docs, { word: "go" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps.seen).toEqual(["go 1", "go 2"]);

    const again = new Steps(clock, false);
    const second = processOf([again]);
    await second.resume();
    await atRest(second, id);
    expect(again.seen).toEqual([]);

    // Its timers died with its process: without them nobody keeps the job alive.
    await silence(clock, () => second.resume());
    await atRest(second, id);
    expect(again.seen).toEqual(["go 2", "go 3"]);
    expect(await second.get(docs.tenant, id)).toMatchObject({ status: "done", result: { steps: 3 } });
  });

  test("that is put aside goes on by itself when its time has come", async () => {
    const { clock, steps, jobs } = furnished({ waits: true });
    const { id } = await jobs.begin(steps, docs, { word: "go" });
    await jobs.settled(id);
    expect(await jobs.get(docs.tenant, id)).toMatchObject({ status: "running", waits_until: "2024-03-01 11:00:00" });

    clock.advance(hourMs - 1000);
    await atRest(jobs, id);
    expect(steps.seen).toEqual(["go 1", "go 2"]);
    clock.advance(2000);
    await atRest(jobs, id);
    expect(steps.seen).toEqual(["go 1", "go 2", "go 3"]);
    expect(await jobs.get(docs.tenant, id)).toMatchObject({ status: "done", waits_until: null });
  });

  test("that was put aside is gone on with by another process, not before its time", async () => {
    const { clock, processOf, steps, jobs: first } = furnished({ waits: true });
    const { id } = await first.begin(steps, docs, { word: "go" });
    await first.settled(id);
    await first.close();

    const again = new Steps(clock, true);
    const second = processOf([again]);
    clock.advance(hourMs / 2);
    await second.resume();
    await atRest(second, id);
    expect(again.seen).toEqual([]);
    clock.advance(hourMs);
    await atRest(second, id);
    expect(again.seen).toEqual(["go 3"]);
    expect(await second.get(docs.tenant, id)).toMatchObject({ status: "done" });
  });

  test("that waits is cancelled at once", async () => {
    const { clock, steps, jobs } = furnished({ waits: true });
    const { id } = await jobs.begin(steps, docs, { word: "go" });
    await jobs.settled(id);
    clock.advance(1);
    expect(await jobs.cancel(docs.tenant, id)).toMatchObject({ status: "cancelled", waits_until: null });
    clock.advance(2 * hourMs);
    await atRest(jobs, id);
    expect(steps.seen).toEqual(["go 1", "go 2"]);
  });

  test("of a kind that a process does not know is left alone", async () => {
    const { clock, steps, processOf, jobs: first } = furnished({ waits: true });
    const { id } = await first.begin(steps, docs, { word: "go" });
    await first.settled(id);
    await first.close();
    clock.advance(2 * hourMs);
    const older = processOf([]);
    await older.resume();
    expect(await older.get(docs.tenant, id)).toMatchObject({ status: "running" });
  });
});

/** Time passes without anybody's timers, as after a process was killed. */
async function silence(clock: TestClock, task: () => Promise<void>): Promise<void> {
  const now = clock.now();
  clock.now = () => now + 2 * 60_000;
  await task();
}
