import { type Clock, collectionPrefix, isMosaicError, type Scope } from "../base/index.ts";
import {
  collectionNotFound,
  type Manifest,
  type ManifestStore,
  type Stored,
  segmentKey,
  sequenceOfSegment,
} from "../manifest/index.ts";
import type { ObjectStore } from "../store/index.ts";
import { decodeSegment, type Segment } from "./segment.ts";
import { Tail } from "./tail.ts";

export interface LogParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly manifests: ManifestStore;
  /** Fetches what reading this manifest will need, before it becomes the current one. */
  readonly prepare: (manifest: Manifest) => Promise<void>;
  /** Told when a manifest became the current one. */
  readonly adopted: (manifest: Manifest) => void;
  /** How long folded segments are kept: see `tooLateMs`. */
  readonly gcGraceMs: number;
}

/**
 * Who asked for a manifest and for the segments after it longer ago than this asks again. A segment that is absent then
 * may have been folded and deleted since, and the log would seem to end before it. Half of the time that is kept leaves
 * the other half to clocks that differ; the least is for settings so short that nothing would ever be in time.
 */
const tooLateMs = (gcGraceMs: number): number => Math.max(gcGraceMs / 2, leastInTimeMs);
const leastInTimeMs = 10_000;

/** By both clocks: one of them stands still while a machine sleeps. */
interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

const momentOf = (clock: Clock): Moment => ({ wallMs: clock.now(), monotonicMs: clock.monotonicMs() });
/** Milliseconds since, by the clock that says more. */
const agoMs = (clock: Clock, { wallMs, monotonicMs }: Moment): number =>
  Math.max(clock.now() - wallMs, clock.monotonicMs() - monotonicMs);

/** Keys of one LIST request. */
const listedMost = 1000;

/** Sequences of the segments that are there, folded ones too until they are deleted; undefined where listing is refused. */
async function listSegments(store: ObjectStore, scope: Scope): Promise<readonly number[] | undefined> {
  const sequences: number[] = [];
  try {
    for await (const { key } of store.list(`${collectionPrefix(scope)}wal/`, { limit: listedMost }))
      sequences.push(sequenceOfSegment(key));
  } catch (error) {
    // Then the log is probed, segment by segment.
    if (isMosaicError(error) && error.code === "storage_denied") return undefined;
    throw error;
  }
  return sequences;
}

/** The tail after `foldedThrough`, as far as it was listed; `complete` when that is all of it. */
async function readListed(
  store: ObjectStore,
  scope: Scope,
  foldedThrough: number,
  listed: readonly number[] | undefined,
): Promise<{ readonly segments: readonly Segment[]; readonly complete: boolean }> {
  const after = (listed ?? []).filter((sequence) => sequence > foldedThrough);
  // Where one is missing the log ends, as it does for who probes it.
  const dense = after.filter((sequence, at) => sequence === foldedThrough + 1 + at);
  const read = await Promise.all(dense.map((sequence) => segmentAt(store, collectionPrefix(scope), sequence)));
  const segments = read.filter((segment) => segment !== undefined);
  const complete = listed !== undefined && listed.length < listedMost && segments.length === read.length;
  return { segments: complete ? segments : [], complete };
}

async function segmentAt(store: ObjectStore, prefix: string, sequence: number): Promise<Segment | undefined> {
  const key = prefix + segmentKey(sequence);
  const got = await store.get(key);
  return got.status === "found" ? decodeSegment(got.bytes, key) : undefined;
}

/** Segments asked for at once when more than one is waiting. */
const probeWindow = 16;

/**
 * One process's knowledge of a collection: the newest manifest it has seen and the tail after it. `refresh` brings it
 * up to every write that was acknowledged, by anybody, before the call. Manifest and tail change together, within
 * one turn of the event loop, so that who reads both without awaiting sees one moment.
 *
 * A log knows one incarnation. When the collection was deleted, or deleted and made again, everything that asks storage
 * throws `not_found`: settings, shards and sequences of another incarnation have nothing to do with what was read here,
 * so whoever asked opens the collection anew and starts from the beginning.
 */
export class CollectionLog {
  readonly scope: Scope;
  readonly #parts: LogParts;
  readonly #prefix: string;
  readonly #tail: Tail;
  #stored: Stored;
  /** The newest manifest that was read, perhaps not current yet: the next read asks only for a newer one. */
  #seen: Stored;
  /** When the manifest was last known to be current. */
  #validatedAt: Moment;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #adopting: Promise<void> = Promise.resolve();

  constructor(scope: Scope, stored: Stored, parts: LogParts) {
    this.scope = scope;
    this.#parts = parts;
    this.#prefix = collectionPrefix(scope);
    this.#stored = stored;
    this.#seen = stored;
    this.#tail = new Tail(stored.manifest.foldedThrough);
    this.#validatedAt = momentOf(parts.clock);
  }

  /**
   * Knows every write that was acknowledged before the call, like after `refresh`. Two rounds: the manifest and, because
   * the tail's length is not known yet, a LIST of the log beside it; then the tail's segments beside what `prepare`
   * fetches. Throws `not_found` when the collection does not exist.
   */
  static async open(scope: Scope, parts: LogParts): Promise<CollectionLog> {
    const asked = momentOf(parts.clock);
    const [stored, listed] = await Promise.all([parts.manifests.read(), listSegments(parts.store, scope)]);
    if (stored === undefined) throw collectionNotFound(scope);
    const [ready, tail] = await Promise.all([
      prepared(stored, scope, parts),
      readListed(parts.store, scope, stored.manifest.foldedThrough, listed),
    ]);
    const tailHolds = ready === stored && tail.complete && agoMs(parts.clock, asked) < tooLateMs(parts.gcGraceMs);
    const log = new CollectionLog(scope, ready, parts);
    log.#validatedAt = asked;
    if (tailHolds) log.#append(log.#tail.lastSequence + 1, tail.segments);
    else await log.refresh();
    return log;
  }

  get manifest(): Manifest {
    return this.#stored.manifest;
  }
  get stored(): Stored {
    return this.#stored;
  }
  get tail(): Tail {
    return this.#tail;
  }

  /** Milliseconds since the manifest was last known to be current. */
  validatedAgoMs(): number {
    return agoMs(this.#parts.clock, this.#validatedAt);
  }

  /** So long ago that objects of the manifest may have been deleted since, or soon will be. */
  get isOld(): boolean {
    return this.validatedAgoMs() >= tooLateMs(this.#parts.gcGraceMs);
  }

  /**
   * After this, every write acknowledged before the call is visible here. Calls that come while one runs share the
   * next: the running one may have asked too early for them. One round of two requests when nothing is new.
   */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#refresh().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#queued ??= this.#running
      .catch(() => undefined) // its callers are told; the next one asks anew
      .then(() => {
        this.#queued = undefined;
        return this.refresh();
      });
    return this.#queued;
  }

  /** Takes over a manifest that was read or swapped in, unless a newer one came first. One at a time. */
  adopt(stored: Stored): Promise<void> {
    const turn = this.#adopting.then(() => this.#adopt(stored));
    this.#adopting = turn.catch(() => undefined); // the caller is told; the next turn starts clean
    return turn;
  }

  /** Throws `not_found` when the collection that this log knows is gone. One request; the tail stays as it is. */
  async confirm(): Promise<void> {
    const asked = momentOf(this.#parts.clock);
    if ((await this.#read()) === this.#stored) this.#validatedAt = asked;
  }

  /** Adds the segment that this process has just written, unless a refresh has found it already. */
  applyOwn(sequence: number, segment: Segment): void {
    if (sequence === this.#tail.lastSequence + 1) this.#tail.append(segment.operations);
  }

  /** One segment of the log, or undefined when there is none of that sequence. */
  async readSegment(sequence: number): Promise<Segment | undefined> {
    return await segmentAt(this.#parts.store, this.#prefix, sequence);
  }

  async #refresh(): Promise<void> {
    for (let window = 1; ; window = probeWindow) {
      const first = this.#tail.lastSequence + 1;
      const asked = momentOf(this.#parts.clock);
      const probes = Array.from({ length: window }, (_, at) => this.readSegment(first + at));
      const [stored, ...segments] = await Promise.all([this.#read(), ...probes]);
      const inTime = agoMs(this.#parts.clock, asked) < tooLateMs(this.#parts.gcGraceMs);
      if (stored !== this.#stored) await this.adopt(stored);
      this.#validatedAt = asked;
      const found = segments.indexOf(undefined);
      this.#append(first, found < 0 ? segments : segments.slice(0, found));
      const sawTheEnd = found >= 0 && first + found === this.#tail.lastSequence + 1;
      if (sawTheEnd && inTime) return;
    }
  }

  async #read(): Promise<Stored> {
    const known = this.#seen;
    const stored = await this.#parts.manifests.read(known);
    if (stored?.manifest.incarnation !== this.manifest.incarnation) throw collectionNotFound(this.scope);
    if (stored.manifest.generation > this.#seen.manifest.generation) this.#seen = stored;
    return stored;
  }

  /** Appends what is still news: a concurrent commit or a newer manifest may have moved the tail meanwhile. */
  #append(first: number, segments: readonly (Segment | undefined)[]): void {
    segments.forEach((segment, at) => {
      if (segment === undefined || first + at !== this.#tail.lastSequence + 1) return;
      // What a deleted collection of this name left behind keeps its place in the sequence, and says nothing.
      this.#tail.append(segment.incarnation === this.manifest.incarnation ? segment.operations : []);
    });
  }

  async #adopt(found: Stored): Promise<void> {
    if (found.manifest.generation <= this.manifest.generation) return;
    const stored = await prepared(found, this.scope, this.#parts);
    if (stored.manifest.incarnation !== this.manifest.incarnation) throw collectionNotFound(this.scope);
    // From here on in one turn: whoever looks sees the old manifest with its tail, or the new one with its own.
    this.#stored = stored;
    if (stored.manifest.generation > this.#seen.manifest.generation) this.#seen = stored;
    this.#tail.dropThrough(stored.manifest.foldedThrough);
    this.#parts.adopted(stored.manifest);
  }
}

/**
 * The manifest once everything that reading it needs was fetched. When an object of it is gone it has been superseded,
 * however new it was: it is read again, once, without its ETag, and the one that is there now takes its place.
 */
async function prepared(stored: Stored, scope: Scope, { prepare, manifests }: LogParts): Promise<Stored> {
  try {
    await prepare(stored.manifest);
    return stored;
  } catch (error) {
    if (!(isMosaicError(error, "data") && error.code === "object_missing")) throw error;
    const newer = await manifests.read();
    if (newer === undefined) throw collectionNotFound(scope);
    if (newer.etag === stored.etag) throw error;
    await prepare(newer.manifest);
    return newer;
  }
}
