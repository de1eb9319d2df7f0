import { type Clock, isMosaicError, maxIdBytes, patiently, type Scope, sha256 } from "../base/index.ts";
import { formatOf, type Read } from "../formats/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import type { HeldFile } from "./held-file.ts";
import type { InboxFile } from "./names.ts";
import type { Cursor, FileRecord, Refusal } from "./record.ts";
import { readFrom } from "./source.ts";

/** Where documents go. */
export interface Sink {
  /** Stores what it can, and says of the rest why not. */
  putMany(
    scope: Scope,
    documents: readonly unknown[],
  ): Promise<{
    readonly accepted: number;
    readonly errors: readonly {
      readonly index: number;
      readonly id?: string;
      readonly code: string;
      readonly detail: string;
    }[];
  }>;
  /** Makes shards of what was stored. */
  fold(scope: Scope): Promise<void>;
}

export interface InboxSettings {
  /** Fetched from storage at once. */
  readonly inboxReadBytes: number;
  /** Stored at once: documents, and bytes of their text as it stands in the file. */
  readonly maxBatchDocs: number;
  readonly inboxBatchBytes: number;
  /** Longest line, row or element; longest text of a document. */
  readonly maxBodyBytes: number;
  readonly maxTextBytes: number;
  /** Refusals of a file that are named; the rest is counted. */
  readonly inboxMaxErrors: number;
  /** Reading stops when less time than this is left. */
  readonly inboxReserveMs: number;
  /** A reader that has written nothing for so long is taken for dead. */
  readonly inboxHoldMs: number;
  /** What is known of a file that has gone is kept for so long. */
  readonly inboxStateDays: number;
  /** Files that lie there for long and are handed on by one look for them. */
  readonly inboxHandOnMax: number;
}

/** How far a file is written down at least so often. */
const saveMs = 5_000;

interface Parts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly sink: Sink;
  readonly settings: InboxSettings;
}

type Progress = Pick<FileRecord, "cursor" | "accepted" | "refused" | "refusals" | "fault">;

/** One file, read from where its record says to its end, or until time is up. */
export class Reading {
  readonly #parts: Parts;
  readonly #file: InboxFile;
  readonly #source: ObjectInfo;
  readonly #held: HeldFile;
  #progress: Progress;
  #batch: { readonly at: number; readonly place: string; readonly document: unknown }[] = [];
  /** What could not be read since the last batch was stored: told with what that one refuses, in the order of the file. */
  #unread: { readonly at: number; readonly refusal: Refusal }[] = [];
  #bytes = 0;
  /** The last that was taken into the batch. */
  #cursor: Cursor;
  #savedMs: number;

  constructor(parts: Parts, file: InboxFile, source: ObjectInfo, held: HeldFile) {
    this.#parts = parts;
    this.#file = file;
    this.#source = source;
    this.#held = held;
    const { cursor, accepted, refused, refusals, fault } = held.record;
    this.#progress = { cursor, accepted, refused, refusals, fault };
    this.#cursor = cursor;
    this.#savedMs = parts.clock.now();
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** True at the end of the file, or where it can't be read further; false when time is up. */
  async run(remainingMs: () => number): Promise<boolean> {
    const { inboxReserveMs, maxBatchDocs, inboxBatchBytes } = this.#parts.settings;
    for await (const read of this.#reads()) {
      if (read.cut === true) this.#progress = { ...this.#progress, fault: refusalOf(read) };
      else this.#take(read);
      if (this.#batch.length + this.#unread.length < maxBatchDocs && this.#bytes < inboxBatchBytes) continue;
      await this.#store();
      if (remainingMs() < inboxReserveMs) return false;
    }
    await this.#store();
    return true;
  }

  async *#reads(): AsyncGenerator<Read> {
    const { store, settings } = this.#parts;
    const { inboxReadBytes: readBytes, maxBodyBytes: maxLineBytes, maxTextBytes } = settings;
    const { name } = this.#file;
    try {
      // A name that is too long for an id is no id.
      const id = Buffer.byteLength(name) <= maxIdBytes ? name : this.#idOf(0);
      const options = { name: id, maxLineBytes, maxTextBytes };
      yield* readFrom({ store, info: this.#source, readBytes }, this.#cursor, formatOf(name), options);
    } catch (error) {
      if (!isMosaicError(error, "invalid") || error.code !== "unknown_format") throw error;
      yield { at: 1, place: name, bytes: 0, fault: { code: error.code, detail: error.detail }, cut: true };
    }
  }

  #take(read: Read): void {
    const { at, place } = read;
    if (read.fault === undefined) this.#batch.push({ at, place, document: this.#named(read) });
    else this.#unread.push({ at, refusal: refusalOf(read) });
    this.#bytes += read.bytes;
    this.#cursor = { at: read.at, bytes: read.end ?? 0 };
  }

  /** A document without an id gets the same one whenever this file is read: reading it twice stores it once. */
  #named({ document, at }: Read): unknown {
    const isNameless =
      typeof document === "object" && document !== null && !Array.isArray(document) && !("id" in document);
    return isNameless ? { id: this.#idOf(at), ...document } : document;
  }

  #idOf(at: number): string {
    return `inbox-${sha256(`${this.#file.key}\n${this.#source.etag}\n${at}`).slice(0, 32)}`;
  }

  async #store(): Promise<void> {
    const { sink, clock } = this.#parts;
    const batch = this.#batch;
    const refused = this.#unread;
    this.#batch = [];
    this.#unread = [];
    this.#bytes = 0;
    await this.#held.confirm();
    if (batch.length > 0) {
      const documents = batch.map(({ document }) => document);
      const { accepted, errors } = await patiently(clock, () => sink.putMany(this.#file.scope, documents));
      this.#progress = { ...this.#progress, accepted: this.#progress.accepted + accepted };
      // Of a repeated id the last is stored, as it is between two batches.
      for (const { index, id, code, detail } of errors) {
        const { at, place } = batch[index] ?? { at: 0, place: "" };
        const refusal = { place, ...(id === undefined ? {} : { id }), code, detail };
        if (code !== "duplicate_id") refused.push({ at, refusal });
      }
    }
    for (const { refusal } of refused.sort((a, b) => a.at - b.at)) this.#refuse(refusal);
    this.#progress = { ...this.#progress, cursor: this.#cursor };
    if (clock.now() - this.#savedMs >= saveMs) await this.save();
  }

  /** Writes down how far the file is: whoever goes on begins there. */
  async save(): Promise<void> {
    await this.#held.save({ ...this.#progress, tries: 0, trouble: null });
    this.#savedMs = this.#parts.clock.now();
  }

  #refuse(refusal: Refusal): void {
    const { refused, refusals } = this.#progress;
    const isNamed = refusals.length < this.#parts.settings.inboxMaxErrors;
    this.#progress = {
      ...this.#progress,
      refused: refused + 1,
      refusals: isNamed ? [...refusals, refusal] : refusals,
    };
  }
}

const refusalOf = ({ place, fault }: Read): Refusal => ({
  place,
  code: fault?.code ?? "unreadable_file",
  detail: fault?.detail ?? "It cannot be read.",
});
