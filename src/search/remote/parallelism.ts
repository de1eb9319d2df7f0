/**
 * How many calls may be under way at once: half as many after one was refused for being too many, one more after one that
 * was answered. Additive increase, multiplicative decrease, as TCP finds its share of a line.
 */
export class Parallelism {
  #limit: number;
  readonly #most: number;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Runs `task` when there is room for it. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    while (this.#underWay >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay++;
    try {
      return await task();
    } finally {
      this.#underWay--;
      this.#wake();
    }
  }

  refused(): void {
    this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, this.#underWay) / 2));
  }

  answered(): void {
    this.#limit = Math.min(this.#most, this.#limit + 1);
    this.#wake();
  }

  #wake(): void {
    for (let room = this.#limit - this.#underWay; room > 0; room--) this.#waiting.shift()?.();
  }
}
