import { type Clock, isMosaicError, type Random } from "../base/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import { type InboxFile, placeUnder } from "./names.ts";
import { decodeRecord, encodeRecord, type FileRecord, isOver } from "./record.ts";

/** A file whose reading fails is tried again after this, twice this, and so on, at least once a day. */
const firstRetryMs = 60_000;
const dayMs = 86_400_000;

export interface StateParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: {
    /** A reader that has not written for so long is taken for dead. Being wrong costs work, never documents. */
    readonly inboxHoldMs: number;
  };
}

export const stateKey = ({ key }: Pick<InboxFile, "key">): string => placeUnder("inbox-state/", key);

export interface StoredRecord {
  readonly record: FileRecord;
  readonly etag: string;
}

export const readRecord = (store: ObjectStore, file: Pick<InboxFile, "key">): Promise<StoredRecord | undefined> =>
  readStored(store, stateKey(file));

/** By the record's own key. */
export async function readStored(store: ObjectStore, key: string): Promise<StoredRecord | undefined> {
  const got = await store.get(key);
  return got.status === "found" ? { record: decodeRecord(got.bytes, key), etag: got.info.etag } : undefined;
}

/** Another reader has taken the file over: whoever held it stops, and leaves the rest to that one. */
export class TakenOver extends Error {}

/**
 * The hold on one file while it is read. Every write of its record is a compare-and-swap, so that of two readers at most
 * one goes on; both would only have stored the same documents under the same ids.
 */
export class HeldFile {
  readonly #parts: StateParts;
  #stored: StoredRecord;
  #turn: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;
  #released = false;

  private constructor(parts: StateParts, stored: StoredRecord) {
    this.#parts = parts;
    this.#stored = stored;
    this.#beat();
  }

  /** Undefined while another reader is alive. `before` is what was known of the file until now. */
  static async take(
    parts: StateParts,
    file: InboxFile,
    source: ObjectInfo,
    before: StoredRecord | undefined,
  ): Promise<HeldFile | undefined> {
    const { clock, random } = parts;
    const holdMs = parts.settings.inboxHoldMs;
    const now = clock.now();
    const old = before?.record;
    if (old !== undefined && old.untilMs > now) return undefined;
    const isSame = old?.etag === source.etag && old.modifiedMs === source.modifiedMs && !isOver(old);
    const start = isSame ? old : fresh(file, source, now, old?.revision ?? 0);
    const tries = start.tries + 1;
    const record: FileRecord = {
      ...start,
      holder: random.nonce(8),
      untilMs: now + holdMs,
      revision: start.revision + 1,
      updatedMs: now,
      tries,
      retryAtMs: now + holdMs + Math.min(dayMs, firstRetryMs * 2 ** (tries - 1)),
    };
    const etag = await put(parts.store, record, before?.etag);
    return etag === undefined ? undefined : new HeldFile(parts, { record, etag });
  }

  get #holdMs(): number {
    return this.#parts.settings.inboxHoldMs;
  }

  get record(): FileRecord {
    return this.#stored.record;
  }

  /** Writes the record on. Throws `TakenOver`. */
  async save(change: Partial<FileRecord>): Promise<void> {
    await this.#inTurn(() => this.#write(change));
  }

  /** Asks before a write of documents, so that one who slept for long does nothing more. */
  async confirm(): Promise<void> {
    if (this.record.untilMs - this.#parts.clock.now() < this.#holdMs / 2) await this.save({});
  }

  /** Lets the next reader begin at once. `change` is the last word. */
  async release(change: Partial<FileRecord> = {}): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#cancel();
    await this.#inTurn(() => this.#write({ ...change, untilMs: 0 }));
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(task);
    this.#turn = turn.catch(() => undefined); // the caller is told
    await turn;
  }

  async #write(change: Partial<FileRecord>): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const revision = this.record.revision + 1;
    const record: FileRecord = { ...this.record, untilMs: now + this.#holdMs, updatedMs: now, ...change, revision };
    const etag = await put(store, record, this.#stored.etag);
    if (etag === undefined) throw new TakenOver();
    this.#stored = { record, etag };
  }

  /** Renews the hold while documents are embedded and stored. A renewal that fails shows at the next `save`. */
  #beat(): void {
    this.#cancel = this.#parts.clock.schedule(this.#holdMs / 3, () => {
      if (this.#released) return;
      this.save({}).then(
        () => this.#beat(),
        () => this.#beat(),
      );
    });
  }
}

/** The new ETag; undefined when somebody else was faster. A swap whose answer was lost is looked at. */
async function put(store: ObjectStore, record: FileRecord, before: string | undefined): Promise<string | undefined> {
  const condition = before === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: before };
  try {
    return (await store.put(stateKey(record), encodeRecord(record), condition)).etag;
  } catch (error) {
    const mayBeOurs =
      isMosaicError(error, "conflict") || (isMosaicError(error, "unavailable") && error.code === "outcome_unknown");
    if (!mayBeOurs) throw error;
    const stored = await readRecord(store, record);
    const isOurs = stored?.record.holder === record.holder && stored.record.revision === record.revision;
    return isOurs ? stored.etag : undefined;
  }
}

const fresh = (
  { key }: InboxFile,
  { etag, modifiedMs, sizeBytes }: ObjectInfo,
  now: number,
  revision: number,
): FileRecord => ({
  format: 1,
  key,
  etag,
  modifiedMs,
  sizeBytes,
  holder: "",
  untilMs: 0,
  revision,
  status: "reading",
  cursor: { at: 0, bytes: 0 },
  accepted: 0,
  refused: 0,
  refusals: [],
  fault: null,
  outcome: null,
  target: null,
  startedMs: now,
  updatedMs: now,
  tries: 0,
  trouble: null,
  retryAtMs: 0,
});
