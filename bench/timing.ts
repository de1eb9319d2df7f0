import { type Latency, latencyOf } from "./vector/measure.ts";

/** How long each of some tasks takes, one after the other. */
export const timed = (count: number, task: (at: number) => unknown): Promise<Latency> => latencyOf(1, count, task);

export const ms = (value: number): string => value.toFixed(2).padStart(9);
