import type { Clock } from "../base/index.ts";
import { durationText, type Output } from "./output.ts";

const redrawMs = 100;
const barWidth = 24;

/** A bar on a terminal, nothing on a pipe. `share` is how much is done, from 0 to 1, or undefined when nobody knows. */
export class Progress {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs;
  }

  update(text: string, share?: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#output.isWatched || nowMs - this.#drawnMs < redrawMs) return;
    this.#drawnMs = nowMs;
    this.#isDrawn = true;
    this.#output.raw(`\r\u001b[2K${this.#bar(share)}${text}`);
  }

  /** Takes the bar away; call it before anything else is written. */
  clear(): void {
    if (this.#isDrawn) this.#output.raw("\r\u001b[2K");
    this.#isDrawn = false;
    this.#drawnMs = Number.NEGATIVE_INFINITY;
  }

  #bar(share: number | undefined): string {
    if (share === undefined) return "";
    const full = Math.round(Math.min(1, share) * barWidth);
    const left = share > 0.01 ? ` ${durationText((this.elapsedMs / share) * (1 - share))} left` : "";
    return `[${"#".repeat(full)}${".".repeat(barWidth - full)}] ${Math.floor(share * 100)}%${left}  `;
  }
}
