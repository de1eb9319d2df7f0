import { type Clock, collectionPrefix, errorFields, type Logger, type Scope } from "../base/index.ts";
import type { ObjectStore } from "../store/index.ts";
import {
  type Condemned,
  historyKey,
  liveKeys,
  type Manifest,
  quarantinedKeys,
  type ShardEntry,
  segmentKey,
} from "./manifest.ts";

export interface RetirementParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long objects stay after the manifest stopped naming them: for queries under way, and for snapshots. */
  readonly keepMs: number;
}

/** Deletes at once, no more: a fold of many segments must not open a connection for each. */
const deletesAtOnce = 16;

/**
 * What becomes of objects that a collection no longer needs: condemned by one swap, marked `deleting` by a later one after
 * their time, deleted, forgotten by a third. Whoever swaps takes its turn: `settle` before, `next` in the swap, `settle`
 * after. A crash anywhere leaves the mark, and the next one finishes.
 */
export class Retirement {
  readonly #parts: RetirementParts;
  readonly #prefix: string;
  /** Generations whose objects this process knows to be gone. */
  readonly #gone = new Set<number>();

  constructor(scope: Scope, parts: RetirementParts) {
    this.#parts = parts;
    this.#prefix = collectionPrefix(scope);
  }

  /** Deletes what is marked; what can't be deleted now stays marked. */
  async settle({ condemned }: Manifest): Promise<void> {
    for (const entry of condemned.filter(({ deleting, generation }) => deleting && !this.#gone.has(generation))) {
      if (await this.#deleteAll(this.#keysOf(entry))) this.#gone.add(entry.generation);
    }
  }

  /** The list of the manifest that follows `current` with other shards and `foldedThrough`; call it within the swap. */
  next(
    current: Manifest,
    after: {
      readonly shards: readonly ShardEntry[];
      /** As they were when absent. */
      readonly quarantined?: readonly ShardEntry[];
      readonly foldedThrough: number;
      readonly orphans?: readonly string[];
    },
  ): Pick<Manifest, "condemned" | "historyFrom"> {
    const { clock } = this.#parts;
    const { quarantined } = { ...current, ...after };
    const live = new Set([...liveKeys(after), ...quarantinedKeys({ quarantined })]);
    const dropped = liveKeys(current).filter((key) => !live.has(key));
    const isGone = (one: Condemned): boolean => one.deleting && this.#gone.has(one.generation);
    const entry: Condemned = {
      generation: current.generation + 1,
      since: current.condemned.at(-1)?.generation ?? current.historyFrom,
      atMs: clock.now(),
      deleting: false,
      keys: [...dropped, ...(after.orphans ?? [])],
      wal: after.foldedThrough > current.foldedThrough ? [current.foldedThrough + 1, after.foldedThrough] : null,
    };
    const known = current.condemned
      .filter((one) => !isGone(one))
      .map((one) => this.#aged(one, current))
      .map((one) => ({ ...one, keys: one.keys.filter((key) => !live.has(key)) }));
    const historyFrom = Math.max(current.historyFrom, ...current.condemned.filter(isGone).map((one) => one.generation));
    return { condemned: [...known, entry], historyFrom };
  }

  /** An entry whose time has come is marked, unless a branch still uses some of it. */
  #aged(entry: Condemned, { branches }: Manifest): Condemned {
    const { clock, keepMs } = this.#parts;
    if (entry.deleting || entry.atMs + keepMs >= clock.now()) return entry;
    const used = new Set(branches.flatMap(({ keys }) => keys));
    return entry.keys.some((key) => used.has(key)) ? entry : { ...entry, deleting: true };
  }

  /** Keys of another collection are another's to delete: a branch only stops using them. */
  #keysOf({ keys, wal, since, generation }: Condemned): readonly string[] {
    const own = keys.filter((key) => key.startsWith(this.#prefix));
    const segments = wal === null ? [] : between(wal[0], wal[1]).map(segmentKey);
    const history = between(since, generation - 1).map(historyKey);
    return [...own, ...[...segments, ...history].map((key) => this.#prefix + key)];
  }

  async #deleteAll(keys: readonly string[]): Promise<boolean> {
    const { store, logger } = this.#parts;
    let whole = true;
    for (let from = 0; from < keys.length; from += deletesAtOnce) {
      const part = keys.slice(from, from + deletesAtOnce);
      const results = await Promise.allSettled(part.map((key) => store.delete(key)));
      const failure = results.find((result) => result.status === "rejected");
      if (failure === undefined) continue;
      whole = false;
      logger.warn("could not delete condemned objects; they will be tried again", errorFields(failure.reason));
    }
    return whole;
  }
}

const between = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
