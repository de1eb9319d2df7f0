import type { Clock, Random } from "../../src/base/index.ts";
import { seededRandom } from "../../src/base/index.ts";

/** Something a process waits for: a call to storage, or a moment. */
interface Waiting {
  readonly process: SimProcess | undefined;
  readonly label: string;
  readonly atMs: number;
  readonly run: () => void;
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * Everything that can happen next, and a seed that chooses. Processes run until each waits for storage or a moment; then
 * one of the things waited for happens. So a seed gives one history, and the same one every time.
 */
export class World {
  nowMs = Date.UTC(2024, 2, 1, 10);
  step = 0;
  readonly next: () => number;
  readonly history: string[] = [];
  /** How often each thing happened. */
  readonly counts: Record<string, number> = {};
  #calls: Waiting[] = [];
  #timers: Waiting[] = [];

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
  below(count: number): number {
    return Math.floor(this.next() * count);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
  letters(count: number, from = alphabet): string {
    return Array.from({ length: count }, () => from[this.below(from.length)]).join("");
  }

  note(line: string): void {
    this.history.push(`${this.step} ${line}`);
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Runs when the seed says so; never once its process has crashed. */
  park(process: SimProcess | undefined, label: string, run: () => void): void {
    this.#calls.push({ process, label, atMs: 0, run });
  }

  at(process: SimProcess | undefined, ms: number, run: () => void): () => void {
    const timer = { process, label: "timer", atMs: this.nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** One thing happens; false when nothing can. */
  async advance(): Promise<boolean> {
    // Whatever the last step set free runs until it waits again: promises are settled before the next macrotask.
    await new Promise((resolve) => setImmediate(resolve));
    this.#calls = this.#calls.filter(({ process }) => process?.crashed !== true);
    this.#timers = this.#timers.filter(({ process }) => process?.crashed !== true);
    const ready = this.#calls.filter(({ process }) => process === undefined || process.wakesAtMs <= this.nowMs);
    const due = this.#timers.filter((one) => this.#dueAt(one) <= this.nowMs);
    const now = [...ready, ...due];
    if (now.length === 0) return this.#wait();
    this.step++;
    const chosen = this.pick(now);
    this.#calls = this.#calls.filter((one) => one !== chosen);
    this.#timers = this.#timers.filter((one) => one !== chosen);
    chosen.run();
    return true;
  }

  /** Nothing is ready: time goes on to the next moment somebody waits for. */
  #wait(): boolean {
    const waiting = [
      ...this.#timers.map((one) => this.#dueAt(one)),
      ...this.#calls.map(({ process }) => process?.wakesAtMs ?? 0),
    ];
    if (waiting.length === 0) return false;
    this.nowMs = Math.max(this.nowMs, Math.min(...waiting));
    return true;
  }

  #dueAt({ process, atMs }: Waiting): number {
    return Math.max(atMs, process?.wakesAtMs ?? 0);
  }
}

/** A process: it may crash, after which nothing of it runs, and sleep, with all it waits for. */
export class SimProcess {
  readonly world: World;
  readonly name: string;
  crashed = false;
  wakesAtMs = 0;
  /** Rollbacks that it is at. */
  rollingBack = 0;
  #sleptMs = 0;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  crash(): void {
    this.crashed = true;
    this.world.note(`${this.name} crashes`);
    this.world.count("crash");
  }

  sleep(ms: number): void {
    this.wakesAtMs = this.world.nowMs + ms;
    this.#sleptMs += ms;
    this.world.note(`${this.name} sleeps ${ms} ms`);
    this.world.count("sleep");
  }

  /** Now, if it sleeps. */
  wake(): void {
    const leftMs = Math.max(0, this.wakesAtMs - this.world.nowMs);
    this.wakesAtMs -= leftMs;
    this.#sleptMs -= leftMs;
  }

  /** The monotonic clock stands still while the process sleeps, as on a suspended machine. */
  get clock(): Clock {
    const { world } = this;
    const startMs = world.nowMs;
    return {
      now: () => world.nowMs,
      monotonicMs: () => world.nowMs - startMs - this.#sleptMs,
      sleep: (ms) => new Promise((resolve) => world.at(this, ms, resolve)),
      schedule: (ms, task) => world.at(this, ms, task),
    };
  }

  get random(): Random {
    const { world } = this;
    let ids = 0;
    return {
      next: () => world.next(),
      id: () => `${this.name}x${ids++}x${world.letters(6)}`,
      nonce: (bytes) => world.letters(bytes * 2, "0123456789abcdef"),
    };
  }
}
