import { asMosaicError, type Clock, errorFields, type Logger } from "../base/index.ts";
import type { Inbox, Swept } from "./inbox.ts";

interface Parts {
  readonly inbox: Inbox;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pollMs: number;
  readonly settledMs: number;
}

/** Looks into the inbox again and again: for a process that nobody tells of new files. */
export class InboxWatch {
  readonly #parts: Parts;
  #running: Promise<void> | undefined;
  #cancel: () => void = () => undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#closed || this.#running !== undefined) return;
    this.#running = this.#look().finally(() => {
      this.#running = undefined;
      if (!this.#closed) this.#cancel = this.#parts.clock.schedule(this.#parts.pollMs, () => this.start());
    });
  }

  /** A file that is being read is put down after the batch under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#running;
  }

  async #look(): Promise<void> {
    const { inbox, settledMs, logger } = this.#parts;
    const remainingMs = (): number => (this.#closed ? 0 : Number.POSITIVE_INFINITY);
    try {
      this.#tell(await inbox.sweep({ settledMs, remainingMs }));
    } catch (error) {
      logger.warn(
        "the inbox can't be looked at; it will be tried again",
        errorFields(asMosaicError(error, "read inbox")),
      );
    }
  }

  #tell({ taken, failed }: Swept): void {
    const { logger } = this.#parts;
    for (const one of taken) if (one.status !== "ignored" && one.status !== "held") logger.info("inbox", { ...one });
    for (const { key, error } of failed)
      logger.warn("a file of the inbox was not read; it will be tried again", { key, ...errorFields(error) });
  }
}
