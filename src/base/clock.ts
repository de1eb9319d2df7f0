/** Time, injected: the simulation replaces it, and only this file touches the real clock and timers. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back: for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `task` once after `ms` without keeping the process alive; returns a function that cancels it. */
  schedule(ms: number, task: () => void): () => void;
}

/** When this process began, in milliseconds since the epoch; in a thread, when that did. */
export const startedAtMs = performance.timeOrigin;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
  schedule: (ms, task) => {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Waits for `task`, and no longer than `ms`. Throws what `task` throws until then. */
export async function waitAtMost(clock: Clock, ms: number, task: Promise<unknown>): Promise<void> {
  const enough = new AbortController();
  const waiting = clock.sleep(ms, enough.signal).catch(() => undefined);
  try {
    await Promise.race([task, waiting]);
  } finally {
    enough.abort();
  }
}

/** `YYYY-MM-DD HH:MM:SS.SSS` (UTC), the form in which times are stored; whole seconds drop the fraction. */
export function formatTimestamp(epochMs: number): string {
  const iso = new Date(epochMs).toISOString();
  const text = `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
  return text.endsWith(".000") ? text.slice(0, -4) : text;
}

/** Milliseconds since the epoch of a time in its stored form. */
export const epochMsOf = (timestamp: string): number => Date.parse(`${timestamp.replace(" ", "T")}Z`);

const stored = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/;

/** Of a date in an HTTP header (RFC 9110 §5.6.7). */
export const httpDateMs = (text: string): number => Date.parse(text);

/** Stored form of an ISO 8601 date or time (no zone means UTC), or undefined when it is not one. */
export function parseTimestamp(text: string): string | undefined {
  const withTime = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text} 00:00:00` : text;
  const parts = stored.exec(withTime);
  if (parts === null) return undefined;
  const [, day = "", time = "", zone = "Z"] = parts;
  const epochMs = Date.parse(`${day}T${time}${zone}`);
  if (Number.isNaN(epochMs)) return undefined;
  const [year, month, dayOfMonth] = day.split("-").map(Number) as [number, number, number];
  // Date.parse rolls 30 February over to March; that is a mistake of the sender, not a date.
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (dayOfMonth > lastDay) return undefined;
  return formatTimestamp(epochMs);
}
