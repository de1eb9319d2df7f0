import { expect, test } from "vitest";
import { WorkerClient } from "../../src/base/index.ts";

const entry = new URL("./support/slow-worker.ts", import.meta.url);

/** A thread whose job lasts until `open`; `begun` resolves when it is at a job. */
function slowThread() {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const deaths: unknown[] = [];
  let atJob: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    atJob = resolve;
  });
  const thread = new WorkerClient<{ wait: boolean }, string, never, string>(
    entry,
    gate.buffer,
    (cause) => deaths.push(cause),
    () => atJob(),
  );
  const open = () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  return { thread, begun, open, deaths, endedItself: () => Atomics.load(gate, 1) === 1 };
}

test("a thread that is stopped closes what it has open and ends by itself", async () => {
  const { thread, endedItself, deaths } = slowThread();
  expect(await thread.ask({ wait: false }).answer).toBe("answer");
  await thread.stop("closing");
  expect(endedItself()).toBe(true);
  expect(deaths).toEqual([]);
});

test("what it owes fails at once, and it ends after the job that it is at", async () => {
  const { thread, begun, open, endedItself } = slowThread();
  const owed = thread.ask({ wait: true }).answer;
  await begun;
  const stopped = thread.stop("The engine is closing.");
  await expect(owed).rejects.toMatchObject({ code: "worker_stopped", detail: "The engine is closing." });
  open();
  await stopped;
  expect(endedItself()).toBe(true);
});

test("a thread that doesn't come back from its job is ended in the middle", async () => {
  const stuck = slowThread();
  const owed = stuck.thread.ask({ wait: true }).answer;
  await stuck.begun;
  const stopped = stuck.thread.stop("closing");
  await expect(owed).rejects.toMatchObject({ code: "worker_stopped" });
  await stopped;
  expect(stuck.endedItself()).toBe(false);
});

test("a thread that is killed is replaced with the next job", async () => {
  const { thread, begun, open, endedItself } = slowThread();
  const owed = thread.ask({ wait: true }).answer;
  await begun;
  const killed = thread.kill("stuck");
  await expect(owed).rejects.toMatchObject({ code: "worker_stopped", detail: "stuck" });
  await killed;
  expect(endedItself()).toBe(false);
  open();
  expect(await thread.ask({ wait: true }).answer).toBe("answer");
  await thread.stop("closing");
  expect(endedItself()).toBe(true);
});
