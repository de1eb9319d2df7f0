import type { Clock, Random } from "../../../src/base/index.ts";
import { seededRandom } from "../../../src/base/index.ts";

/**
 * Time that moves only when a test moves it. Sleeping takes no time and lets others run; scheduled tasks (deadlines,
 * folds after rest) run when the clock is advanced past them.
 */
export class TestClock implements Clock {
  #nowMs: number;
  readonly #tasks = new Set<{ readonly atMs: number; readonly task: () => void }>();

  constructor(startMs = Date.UTC(2024, 2, 1, 10)) {
    this.#nowMs = startMs;
  }
  now(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  async sleep(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }
  schedule(ms: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + ms, task };
    this.#tasks.add(entry);
    return () => this.#tasks.delete(entry);
  }
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const entry of [...this.#tasks].filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#tasks.delete(entry);
      entry.task();
    }
  }
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Randomness that comes out the same each time for a seed. */
export function testRandom(seed: number): Random {
  const next = seededRandom(seed);
  const letters = (count: number, from: string): string =>
    Array.from({ length: count }, () => from[Math.floor(next() * from.length)]).join("");
  return { next, id: () => letters(21, alphabet), nonce: (bytes) => letters(bytes * 2, "0123456789abcdef") };
}
