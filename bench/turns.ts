import { cpuUsage } from "node:process";
import { percentile } from "./vector/measure.ts";

/** What one of two tasks that were run in turns took. */
export interface TurnTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the processor, in this process and its threads. */
  readonly processorMs: number;
}

/** Two tasks in turns, so that whatever else the machine does hits both alike; which comes first changes each time. */
export async function inTurns(
  count: number,
  first: (at: number) => Promise<unknown>,
  second: (at: number) => Promise<unknown>,
): Promise<readonly [TurnTimes, TurnTimes]> {
  const tasks = [first, second].map((task) => ({ task, ms: [] as number[], processorMs: 0 }));
  for (let at = 0; at < count; at++) {
    for (const one of at % 2 === 0 ? tasks : tasks.toReversed()) {
      const [startedMs, before] = [performance.now(), cpuUsage()];
      await one.task(at);
      one.ms.push(performance.now() - startedMs);
      const used = cpuUsage(before);
      one.processorMs += (used.user + used.system) / 1000;
    }
  }
  const [a, b] = tasks.map(timesOf);
  if (a === undefined || b === undefined) throw new RangeError("two tasks are run in turns");
  return [a, b];
}

function timesOf({ ms, processorMs }: { readonly ms: readonly number[]; readonly processorMs: number }): TurnTimes {
  return { p50Ms: percentile(ms, 50), p99Ms: percentile(ms, 99), processorMs: processorMs / Math.max(1, ms.length) };
}
