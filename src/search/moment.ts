import { type Scope, serializeError } from "../base/index.ts";
import type { Upsert } from "../ingest/index.ts";
import { needsRestore } from "../manifest/index.ts";
import type { CollectionView, Snapshot } from "./collection-view.ts";
import { isFrozenTarget, type LeafFailure, type ShardTarget } from "./leaf-request.ts";

/** Which rows and documents of one moment fulfil a query's filter. */
export interface RowFilter {
  /** Bit r of a shard's entry: row r does, whether it is dead or not. A shard without entry has none. */
  readonly shards: ReadonlyMap<string, Uint8Array>;
  /** Ids of documents of the tail. */
  readonly tail: ReadonlySet<string>;
}

/** One moment of a collection, taken at once: what all parts of one query see, however long they take. */
export interface Moment {
  readonly view: CollectionView;
  readonly snapshot: Snapshot;
  /** Documents that are in no shard yet, as far as they fulfil the filter. */
  readonly tail: readonly Upsert[];
  /** All of them: statistics are the whole collection's. */
  readonly wholeTail: readonly Upsert[];
  readonly filter: RowFilter | undefined;
}

/** Synchronous: call it right after `refresh`. */
export function momentOf(view: CollectionView): Moment {
  const tail = [...view.log.tail.upserts()];
  return { view, snapshot: view.snapshot(), tail, wholeTail: tail, filter: undefined };
}

/** The same moment as a filter leaves it. */
export function filtered(moment: Moment, filter: RowFilter): Moment {
  const nothing = new Uint8Array(0);
  const targets = moment.snapshot.targets.map((target) => ({
    ...target,
    matching: filter.shards.get(target.entry.id) ?? nothing,
  }));
  return {
    ...moment,
    filter,
    snapshot: { ...moment.snapshot, targets },
    tail: moment.tail.filter(({ id }) => filter.tail.has(id)),
  };
}

/** The same moment without frozen shards: the same object when there are none. */
export function readable(moment: Moment): Moment {
  const { view, snapshot } = moment;
  const manifest = view.readableOf(snapshot.manifest);
  if (manifest === snapshot.manifest) return moment;
  const targets = snapshot.targets.filter((target) => !isFrozenTarget(target));
  return { ...moment, snapshot: { ...snapshot, manifest, targets } };
}

/** Why these shards are missing from an answer. */
export const frozenFailures = (targets: readonly ShardTarget[], { collection }: Scope): readonly LeafFailure[] =>
  targets.map(({ entry }) => ({ shard: entry.id, error: serializeError(needsRestore(entry, collection)) }));

/** Set bits of a target's filter from one row to another; without a filter all of them. */
export function matchingRows({ matching, entry }: ShardTarget, from = 0, to = entry.documents): number {
  if (matching === undefined) return to - from;
  let count = 0;
  for (let row = from; row < to; row += 8 - (row & 7)) {
    let byte = (matching[row >>> 3] ?? 0) >>> (row & 7);
    if (to - row < 8) byte &= (1 << (to - row)) - 1;
    count += bitsOf[byte & 255] as number;
  }
  return count;
}

const bitsOf = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);
