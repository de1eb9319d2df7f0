import {
  type Clock,
  collectionPrefix,
  formatTimestamp,
  isMosaicError,
  MosaicError,
  type Random,
  type Scope,
} from "../base/index.ts";
import type { ObjectStore } from "../store/index.ts";
import { decodeManifest, encodeManifest } from "./codec.ts";
import { checkInvariants, type SwapKind } from "./invariants.ts";
import {
  type CollectionSettings,
  emptyManifest,
  historyKey,
  type Manifest,
  manifestKey,
  sequenceOfSegment,
} from "./manifest.ts";

/** A manifest as it was read, with the ETag that a swap must still find. */
export interface Stored {
  readonly manifest: Manifest;
  readonly etag: string;
}

/** Makes the next manifest from the current one, or returns undefined when its inputs are gone and nothing is to do. */
export type Change = (current: Manifest) => Partial<Omit<Manifest, "generation" | "updatedAt">> | undefined;

interface Parts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

const swapAttempts = 20;

/** Reads and swaps one collection's manifest. Stateless: who wants a cache keeps the `Stored` it was given. */
export class ManifestStore {
  readonly #parts: Parts;
  readonly #prefix: string;
  readonly scope: Scope;

  constructor(parts: Parts, scope: Scope) {
    this.#parts = parts;
    this.scope = scope;
    this.#prefix = collectionPrefix(scope);
  }

  /** The current manifest; `known` comes back as it is when it is still current (one request, no body). */
  async read(known?: Stored): Promise<Stored | undefined> {
    const found = await this.readAny(known);
    return found?.manifest.deleted ? undefined : found;
  }

  /** The same; of a deleted collection its last generation. */
  async readAny(known?: Stored): Promise<Stored | undefined> {
    const { store } = this.#parts;
    const key = this.#prefix + manifestKey;
    const got = await store.get(key, known === undefined ? {} : { ifNoneMatch: known.etag });
    if (got.status === "not_modified") return known;
    if (got.status === "absent") return undefined;
    return { manifest: decodeManifest(got.bytes, key), etag: got.info.etag };
  }

  /** What a generation was, while it is kept: the current one comes from `current`. */
  async generation(current: Manifest, generation: number): Promise<Manifest | undefined> {
    if (generation === current.generation) return current;
    if (generation < current.historyFrom || generation > current.generation) return undefined;
    const key = this.#prefix + historyKey(generation);
    const got = await this.#parts.store.get(key);
    return got.status === "found" ? decodeManifest(got.bytes, key) : undefined;
  }

  /** Makes the collection. Throws `conflict` (code `collection_exists`) when there is one. Two requests, or four over a deleted one. */
  async create(settings: CollectionSettings, content: Partial<Manifest> = {}): Promise<Stored> {
    return await this.#create(settings, content, undefined);
  }

  /**
   * The first half of a creation that takes a while: readers see no collection yet, and whoever swaps this manifest in
   * the meantime makes `appear` fail. Requests and errors as for `create`.
   */
  async reserve(settings: CollectionSettings): Promise<Stored> {
    return await this.#create(settings, { deleted: true, reserved: true }, undefined);
  }

  /** The second half. One request. Throws `conflict` when the reservation does not stand any more. */
  async appear(reserved: Stored, content: Partial<Manifest>): Promise<Stored> {
    const { incarnation, settings } = reserved.manifest;
    return await this.#put({ ...content, incarnation }, settings, reserved);
  }

  /** Ends what may be a reservation; false when it is not what it was. One request. */
  async revoke(reserved: Stored): Promise<boolean> {
    const { incarnation, settings } = reserved.manifest;
    try {
      await this.#put({ incarnation, deleted: true }, settings, reserved);
      return true;
    } catch (error) {
      if (isMosaicError(error, "conflict", "unavailable")) return false; // whoever asked tries again later
      throw error;
    }
  }

  async #create(settings: CollectionSettings, content: Partial<Manifest>, over: Stored | undefined): Promise<Stored> {
    const { clock, random } = this.#parts;
    const incarnation = random.id(clock.now());
    try {
      return await this.#put({ incarnation, ...content }, settings, over);
    } catch (error) {
      const found = isMosaicError(error, "conflict") && over === undefined ? await this.readAny() : undefined;
      if (!found?.manifest.deleted) throw error;
      return await this.#create(settings, content, found);
    }
  }

  /** Over nothing, or over a manifest of no live collection. Throws `conflict` when something else is there. */
  async #put(
    content: Partial<Manifest> & Pick<Manifest, "incarnation">,
    settings: CollectionSettings,
    over: Stored | undefined,
  ): Promise<Stored> {
    const { store, clock } = this.#parts;
    const made = {
      incarnation: content.incarnation,
      at: formatTimestamp(clock.now()),
      foldedThrough: Math.max(over?.manifest.foldedThrough ?? 0, await this.#lastLeftOver()),
      generation: (over?.manifest.generation ?? 0) + 1,
    };
    const manifest: Manifest = { ...emptyManifest(this.scope, settings, made), ...content };
    const condition = over === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: over.etag };
    try {
      const { etag } = await store.put(this.#prefix + manifestKey, encodeManifest(manifest), condition);
      return { manifest, etag };
    } catch (error) {
      const found = isMosaicError(error, "conflict", "unavailable") ? await this.readAny() : undefined;
      // Our put, whose answer was lost.
      if (found !== undefined && sameContent(found.manifest, manifest)) return found;
      if (found === undefined || found.etag === over?.etag) throw error;
      throw this.#exists(error);
    }
  }

  #exists(cause?: unknown): MosaicError {
    return new MosaicError("conflict", "create collection", {
      code: "collection_exists",
      detail: `The collection ${this.scope.collection} exists already.`,
      cause,
    });
  }

  /**
   * Swaps until `change` holds: reread, change, check, put if the ETag is unchanged. Two requests a try (the copy of
   * the superseded generation, then the swap). Returns undefined when `change` gave up.
   */
  async update(start: Stored, change: Change, kind?: SwapKind): Promise<Stored | undefined> {
    const { clock, random } = this.#parts;
    let current = start;
    for (let attempt = 0; attempt < swapAttempts; attempt++) {
      const next = this.#next(current.manifest, change, kind);
      if (next === undefined) return undefined;
      const swapped = await this.#swap(current, next);
      if (swapped !== undefined) return swapped;
      await clock.sleep(random.next() * Math.min(1000, 10 * 2 ** attempt));
      const reread = await this.readAny();
      if (reread === undefined || reread.manifest.incarnation !== start.manifest.incarnation) throw this.#gone();
      if (reread.manifest.deleted && next.deleted) return reread;
      if (reread.manifest.deleted) throw this.#gone();
      if (reread.manifest.generation === next.generation && sameContent(reread.manifest, next)) return reread;
      current = reread;
    }
    throw new MosaicError("unavailable", "swap manifest", {
      code: "write_contention",
      detail: "Too many writers are changing this collection at once; try again.",
      retryAfterMs: 1000,
    });
  }

  /**
   * Ends the collection: its last generation says `deleted`, and stays, so that whoever makes a collection of this name
   * swaps against it, and numbers its segments above `through`. Returns the last generation, which may be another
   * process's. Throws `conflict` while branches use its objects.
   */
  async remove(start: Stored, through: number): Promise<Manifest> {
    const removed = await this.update(start, ({ branches, foldedThrough }) => {
      const [branch] = branches;
      const nothing = { shards: [], quarantined: [], condemned: [] };
      if (branch === undefined) return { ...nothing, deleted: true, foldedThrough: Math.max(foldedThrough, through) };
      throw new MosaicError("conflict", "delete collection", {
        code: "collection_has_branches",
        detail: `The collection ${branch.collection} was branched off this one and uses its shards; delete or compact that first.`,
      });
    });
    if (removed === undefined) throw this.#gone();
    return removed.manifest;
  }

  /**
   * Puts a kept generation in the place of a manifest that can't be read (`damagedEtag`) or is gone. Its number is above
   * that of the damaged one, which came at most one after what was kept. Throws `conflict` when somebody was first.
   */
  async restore(kept: Manifest, damagedEtag: string | undefined): Promise<void> {
    const { store, clock } = this.#parts;
    const generation = kept.generation + 2;
    const restored: Manifest = { ...kept, generation, updatedAt: formatTimestamp(clock.now()) };
    const condition = damagedEtag === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: damagedEtag };
    await store.put(this.#prefix + manifestKey, encodeManifest(restored), condition);
  }

  #next(current: Manifest, change: Change, kind: SwapKind | undefined): Manifest | undefined {
    const changed = change(current);
    if (changed === undefined) return undefined;
    const { clock } = this.#parts;
    const next: Manifest = Object.freeze({
      ...current,
      ...changed,
      generation: current.generation + 1,
      updatedAt: formatTimestamp(clock.now()),
    });
    checkInvariants(current, next, kind);
    return next;
  }

  /** Undefined when the swap lost, or when its outcome is unknown and must be looked up. */
  async #swap(current: Stored, next: Manifest): Promise<Stored | undefined> {
    const { store } = this.#parts;
    const history = this.#prefix + historyKey(current.manifest.generation);
    // Every writer would store the same bytes here, so whoever comes first will do.
    if (!next.deleted) await store.put(history, encodeManifest(current.manifest));
    try {
      const { etag } = await store.put(this.#prefix + manifestKey, encodeManifest(next), { ifMatch: current.etag });
      return { manifest: next, etag };
    } catch (error) {
      if (isMosaicError(error, "conflict") || isUnknownOutcome(error)) return undefined;
      throw error;
    }
  }

  /** A deleted collection of this name may have left segments whose sequences must not be used again. */
  async #lastLeftOver(): Promise<number> {
    let last = 0;
    for await (const { key } of this.#parts.store.list(`${this.#prefix}wal/`))
      last = Math.max(last, sequenceOfSegment(key));
    return last;
  }

  #gone(): MosaicError {
    return collectionNotFound(this.scope);
  }
}

export const isUnknownOutcome = (error: unknown): boolean =>
  isMosaicError(error, "unavailable") && error.code === "outcome_unknown";

const sameContent = (a: Manifest, b: Manifest): boolean => JSON.stringify(a) === JSON.stringify(b);

export function collectionNotFound(scope: Scope): MosaicError {
  return new MosaicError("not_found", "open collection", {
    code: "collection_not_found",
    detail: `There is no collection ${scope.collection}; it is made by the first write to it.`,
  });
}
