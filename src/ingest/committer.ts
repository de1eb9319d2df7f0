import { type Clock, collectionPrefix, isMosaicError, type Logger, MosaicError, type Random } from "../base/index.ts";
import { type Manifest, segmentKey } from "../manifest/index.ts";
import type { ObjectStore } from "../store/index.ts";
import type { CollectionLog } from "./collection-log.ts";
import { encodeSegment, type Operation, operationBytes, type Segment } from "./segment.ts";
import type { Tail, TailEntry } from "./tail.ts";

/** Operations that are written together or not at all. */
export interface Intent {
  readonly operations: readonly Operation[];
  /** Asked at the moment before the write: false means that what the operations were made from is out of date. */
  readonly stillHolds?: (tail: Tail) => boolean;
}

export interface Committed {
  readonly sequence: number;
  /** Index of the intent's first operation in its segment. */
  readonly index: number;
  /** For each operation, what the tail held of its id just before. */
  readonly previous: readonly (TailEntry | undefined)[];
  /** The manifest that, with the tail before this segment, was the collection just before the write. */
  readonly manifest: Manifest;
}

export interface CommitterOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A segment takes waiting intents up to this size; a single larger intent still goes whole. */
  readonly segmentMaxBytes: number;
  /** Writers are refused while the tail is larger. */
  readonly tailMaxBytes: number;
  readonly gcGraceMs: number;
}

interface Waiting {
  readonly intent: Intent;
  readonly bytes: number;
  readonly resolve: (committed: Committed | "stale") => void;
  readonly reject: (error: unknown) => void;
}

const attemptsPerBatch = 50;

/**
 * Group commit: while one segment is being put, whoever comes waits for the next. The put's success is the
 * acknowledgement. One PUT a segment and, beside it, one GET without a body; a lost race costs one GET and the next try.
 *
 * That GET asks whether the collection is still the one that the operations were made for: a segment put into a
 * collection that was deleted, or made again with other settings, is read by nobody, and must not be acknowledged.
 *
 * Why a success is safe (docs/architecture.md, W2): the put is conditional on the sequence being free, and a free
 * sequence is new unless it was folded, condemned and deleted. Deletion comes no earlier than the grace period after the
 * fold's swap; so a manifest read less than half that ago, which had not folded the sequence, proves it new. When more
 * time has passed, the manifest is read again after the put and before the acknowledgement.
 */
export class Committer {
  readonly #log: CollectionLog;
  readonly #options: CommitterOptions;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(log: CollectionLog, options: CommitterOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Resolves when the operations are durable, or with `stale` when `stillHolds` said no and nothing was written. */
  commit(intent: Intent): Promise<Committed | "stale"> {
    const { tailMaxBytes } = this.#options;
    if (this.#log.tail.bytes > tailMaxBytes) {
      return Promise.reject(
        new MosaicError("unavailable", "write documents", {
          code: "write_backlog",
          detail: "Writes come faster than they can be folded into shards; wait and send again.",
          retryAfterMs: 1000,
        }),
      );
    }
    const bytes = intent.operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ intent, bytes, resolve, reject });
      this.#running ??= this.#drain().finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** Resolves when nothing is waiting. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#commitBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count > 0 && bytes + more > this.#options.segmentMaxBytes) break;
      bytes += more;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #commitBatch(batch: readonly Waiting[]): Promise<void> {
    const { clock, random } = this.#options;
    // One nonce for all tries: a put that was thought lost may still land, and is then ours.
    const nonce = random.nonce(16);
    let open = batch;
    for (let attempt = 0; attempt < attemptsPerBatch; attempt++) {
      if (this.#manifestIsOld()) await this.#log.refresh();
      open = open.filter((waiting) => this.#holdsOrStale(waiting));
      if (open.length === 0) return;
      const written = await this.#tryWrite(open, nonce);
      if (written) return;
      if (attempt > 3) await clock.sleep(random.next() * Math.min(500, 5 * 2 ** attempt));
    }
    throw new MosaicError("unavailable", "write documents", {
      code: "write_contention",
      detail: "Too many writers on this collection at once; send again after a moment.",
      retryAfterMs: 500 + Math.floor(random.next() * 1000),
    });
  }

  /** False when another writer took the sequence, or the sequence turned out to be of the past: try the next one. */
  async #tryWrite(open: readonly Waiting[], nonce: string): Promise<boolean> {
    const { tail, manifest } = this.#log;
    const sequence = tail.lastSequence + 1;
    const operations = open.flatMap(({ intent }) => intent.operations);
    const { incarnation } = manifest;
    const segment: Segment = { incarnation, nonce, atMs: this.#options.clock.now(), operations };
    const previous = previousEntries(tail, sequence, operations);
    const [written] = await Promise.all([this.#put(sequence, segment), this.#log.confirm()]);
    if (!written) return false;
    // Somebody else in this process may have asked while the put was under way, and so made the manifest look young.
    if (this.#manifestIsOld() || this.#log.manifest.foldedThrough >= sequence) await this.#log.refresh();
    if (this.#log.manifest.foldedThrough >= sequence) {
      const inLog = await this.#log.readSegment(sequence);
      // Folded in the meantime with our own segment in its place: that is a success as well.
      if (inLog?.nonce !== nonce || this.#zombie(sequence)) return false;
    }
    this.#log.applyOwn(sequence, segment);
    let index = 0;
    for (const { intent, resolve } of open) {
      const count = intent.operations.length;
      resolve({ sequence, index, previous: previous.slice(index, index + count), manifest });
      index += count;
    }
    return true;
  }

  /**
   * Folded segments that nobody has begun to delete are the first of their sequence. Where deletion has begun, ours may
   * lie in the hole that it left, where nobody reads it.
   */
  #zombie(sequence: number): boolean {
    const kept = this.#log.manifest.condemned.filter(({ deleting }) => !deleting);
    return kept.every(({ wal }) => wal === null || sequence < wal[0] || sequence > wal[1]);
  }

  async #put(sequence: number, segment: Segment): Promise<boolean> {
    const { store, logger } = this.#options;
    const key = collectionPrefix(this.#log.scope) + segmentKey(sequence);
    try {
      await store.put(key, encodeSegment(segment), { ifNoneMatch: "*" });
      return true;
    } catch (error) {
      const maybe =
        isMosaicError(error, "conflict") || (isMosaicError(error, "unavailable") && error.code === "outcome_unknown");
      if (!maybe) throw error;
      const there = await this.#log.readSegment(sequence);
      if (there?.nonce === segment.nonce) return true; // the answer was lost, not the write
      logger.debug("segment sequence taken", { key, sequence });
      await this.#log.refresh();
      return false;
    }
  }

  #holdsOrStale({ intent, resolve }: Waiting): boolean {
    const holds = intent.stillHolds?.(this.#log.tail) ?? true;
    if (!holds) resolve("stale");
    return holds;
  }

  #manifestIsOld(): boolean {
    return this.#log.validatedAgoMs() >= this.#options.gcGraceMs / 2;
  }
}

/** What the tail held of each id, counting the operations of this very segment that come before. */
function previousEntries(tail: Tail, sequence: number, operations: readonly Operation[]): (TailEntry | undefined)[] {
  const own = new Map<string, TailEntry>();
  return operations.map((operation, index) => {
    const before = own.get(operation.id) ?? tail.entry(operation.id);
    own.set(operation.id, { sequence, index, operation });
    return before;
  });
}
