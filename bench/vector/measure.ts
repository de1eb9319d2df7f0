/** The p-th percentile (nearest rank) of some durations. */
export function percentile(durationsMs: readonly number[], p: number): number {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

/** Runs `task` `count` times by `clients` at once; each takes the next number as it becomes free. */
export async function latencyOf(clients: number, count: number, task: (at: number) => unknown): Promise<Latency> {
  const durationsMs: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const startedMs = performance.now();
      await task(at);
      durationsMs.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const elapsedMs = performance.now() - startedMs;
  return {
    p50Ms: percentile(durationsMs, 50),
    p99Ms: percentile(durationsMs, 99),
    perSecond: (count / elapsedMs) * 1000,
  };
}

/** Share of the true ids that were found, over all queries. */
export function recallOf(found: readonly (readonly string[])[], truth: readonly (readonly string[])[]): number {
  const hits = truth.map((ids, at) => ids.filter((id) => found[at]?.includes(id)).length);
  const wanted = truth.reduce((sum, ids) => sum + ids.length, 0);
  return hits.reduce((sum, count) => sum + count, 0) / wanted;
}
