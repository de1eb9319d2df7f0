import type { Clock } from "./clock.ts";
import { isMosaicError } from "./errors.ts";

/** A writer that is told to come back does so for this long before it gives up. */
const patienceMs = 120_000;

/**
 * Runs `task`, and again after the time it names for as long as it is `unavailable` with `retryAfterMs`: the engine's
 * way of slowing writers down. Fails with its last error once two minutes have passed or `signal` aborts.
 */
export async function patiently<Result>(
  clock: Clock,
  task: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    try {
      return await task();
    } catch (error) {
      const waitMs = isMosaicError(error, "unavailable") ? error.retryAfterMs : undefined;
      if (waitMs === undefined || clock.monotonicMs() - startedMs + waitMs > patienceMs) throw error;
      await clock.sleep(waitMs, signal);
    }
  }
}
