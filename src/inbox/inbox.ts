import {
  asMosaicError,
  type Clock,
  isMosaicError,
  type Logger,
  MosaicError,
  type Random,
  type TenantName,
} from "../base/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import { forgetFiles } from "./forgetting.ts";
import { HeldFile, readRecord, TakenOver } from "./held-file.ts";
import { leftBehind } from "./left-behind.ts";
import { finishRecord, moveFile, outcomeOf, setAside, targetOf } from "./moving.ts";
import { type InboxFile, inboxFileOf, isFile } from "./names.ts";
import { type InboxSettings, Reading, type Sink } from "./reading.ts";
import { Replaced } from "./source.ts";
import type { Taken } from "./taken.ts";

export type { InboxSettings, Sink } from "./reading.ts";
export type { Taken } from "./taken.ts";

export interface InboxParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly sink: Sink;
  readonly settings: InboxSettings;
}

export interface Sweep {
  /** Of one tenant only. */
  readonly tenant?: TenantName;
  /** Files that are younger are left: they may still be written, or an event for them is under way. */
  readonly settledMs: number;
  readonly remainingMs?: () => number;
  /** Those that failed lately too. */
  readonly impatient?: boolean;
}

export interface Swept {
  readonly taken: readonly Taken[];
  readonly failed: readonly { readonly key: string; readonly error: MosaicError }[];
}

/** Tries of a file that keeps being replaced while it is read. */
const mostReplacements = 5;

const dayMs = 86_400_000;

const endless = (): number => Number.POSITIVE_INFINITY;

/**
 * Reads files of the inbox into collections. Any number of processes may be told of the same file, again and again, in
 * any order, and may be killed at any moment: each document is there once, and no file is lost (docs/decisions/0013-inbox.md).
 */
export class Inbox {
  readonly #parts: InboxParts;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /**
   * Reads one file to its end and moves it, or stops when less than INBOX_RESERVE_MS is left. What is wrong with the file
   * is told beside it; throws what is wrong with anything else: then the file stays, and may be tried again.
   */
  async take(key: string, remainingMs: () => number = endless): Promise<Taken> {
    if (!isFile(key)) return { status: "ignored", key };
    let file: InboxFile;
    try {
      file = inboxFileOf(key);
    } catch (error) {
      return await setAside(this.#parts.store, key, asMosaicError(error, "read inbox"));
    }
    for (let attempt = 0; attempt < mostReplacements; attempt++) {
      const taken = await this.#try(file, remainingMs);
      if (taken !== "replaced") return taken;
    }
    throw new MosaicError("unavailable", "read inbox", {
      code: "inbox_file_changing",
      detail: "The file keeps changing while it is read; it is read when it no longer does.",
      key,
    });
  }

  /** Files that are there, of all tenants in turn: those that nobody reads, and that did not fail lately. */
  async sweep({ tenant, settledMs, remainingMs = endless, impatient = false }: Sweep): Promise<Swept> {
    const taken: Taken[] = [];
    const failed: { key: string; error: MosaicError }[] = [];
    const { store, clock, settings } = this.#parts;
    for await (const { key, modifiedMs } of leftBehind(store, tenant)) {
      if (remainingMs() < settings.inboxReserveMs) break;
      const ageMs = clock.now() - modifiedMs;
      if (ageMs >= 0 && ageMs < settledMs) continue;
      try {
        if (!impatient && (await this.#isPutOff(key))) continue;
        taken.push(await this.take(key, remainingMs));
      } catch (thrown) {
        failed.push({ key, error: asMosaicError(thrown, "read inbox") });
      }
    }
    return { taken, failed };
  }

  /**
   * Keys of files that lie there for so long, for whoever hands them on: INBOX_HAND_ON_MAX at most, drawn at random. Where there
   * are more, nearly all only wait for their turn, and to be told of each again and again would keep it from coming.
   */
  async *waiting(settledMs: number): AsyncGenerator<string> {
    const { store, clock } = this.#parts;
    const drawn: string[] = [];
    let seen = 0;
    for await (const { key, modifiedMs } of leftBehind(store))
      if (clock.now() - modifiedMs >= settledMs) this.#draw(drawn, key, ++seen);
    for (const key of drawn) if (!(await this.#isPutOff(key))) yield key;
  }

  /** Each of those that were seen is among the drawn with the same probability (Vitter, 1985: algorithm R). */
  #draw(drawn: string[], key: string, seen: number): void {
    const { random, settings } = this.#parts;
    if (drawn.length < settings.inboxHandOnMax) drawn.push(key);
    else {
      const at = Math.floor(random.next() * seen);
      if (at < drawn.length) drawn[at] = key;
    }
  }

  /**
   * Deletes what is known of files that went INBOX_STATE_DAYS ago or longer (0: never). `complete` is false when time was up:
   * called again it goes on.
   */
  async forget(
    remainingMs: () => number = endless,
  ): Promise<{ readonly forgotten: number; readonly complete: boolean }> {
    const { clock, settings } = this.#parts;
    if (settings.inboxStateDays === 0) return { forgotten: 0, complete: true };
    const beforeMs = clock.now() - settings.inboxStateDays * dayMs;
    return await forgetFiles(this.#parts, beforeMs, () => remainingMs() >= settings.inboxReserveMs);
  }

  async #isPutOff(key: string): Promise<boolean> {
    const { store, clock } = this.#parts;
    const record = (await readRecord(store, { key }))?.record;
    const now = clock.now();
    return record !== undefined && (record.untilMs > now || (record.trouble !== null && record.retryAtMs > now));
  }

  async #try(file: InboxFile, remainingMs: () => number): Promise<Taken | "replaced"> {
    const { store } = this.#parts;
    const [source, before] = await Promise.all([store.head(file.key), readRecord(store, file)]);
    if (source === undefined) return await finishRecord(this.#parts, file, before);
    const held = await HeldFile.take(this.#parts, file, source, before);
    if (held === undefined) return { status: "held", key: file.key };
    try {
      return await this.#work(file, source, held, remainingMs);
    } catch (error) {
      return await this.#stopped(file, held, error);
    }
  }

  async #work(file: InboxFile, source: ObjectInfo, held: HeldFile, remainingMs: () => number): Promise<Taken> {
    if (held.record.status === "reading") {
      const { sink, store } = this.#parts;
      const reading = new Reading(this.#parts, file, source, held);
      if (!(await reading.run(remainingMs))) {
        await held.release({ ...reading.progress, tries: 0, trouble: null, retryAtMs: 0 });
        return { status: "paused", key: file.key, accepted: held.record.accepted };
      }
      await reading.save();
      if (held.record.accepted > 0) await sink.fold(file.scope);
      const outcome = outcomeOf(held.record);
      await held.save({ status: "moving", outcome, target: await targetOf(store, file, outcome, source.modifiedMs) });
    }
    return await moveFile(this.#parts, file, held);
  }

  async #stopped(file: InboxFile, held: HeldFile, error: unknown): Promise<Taken | "replaced"> {
    if (error instanceof TakenOver) return { status: "held", key: file.key };
    if (error instanceof Replaced) {
      await held.release({ status: "gone" }).catch(keepTakenOver);
      return "replaced";
    }
    const { code, detail } = asMosaicError(error, "read inbox");
    // The failure itself is thrown; if it can't be noted either, the hold runs out by itself.
    await held.release({ trouble: { code, detail } }).catch(() => undefined);
    throw error;
  }
}

function keepTakenOver(error: unknown): void {
  if (!(error instanceof TakenOver) && !isMosaicError(error)) throw error;
}
