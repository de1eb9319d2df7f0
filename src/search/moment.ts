import { type Scope, serializeError } from "../base/index.ts";
import type { Upsert } from "../ingest/index.ts";
import { needsRestore } from "../manifest/index.ts";
import { cellRows } from "../shard/index.ts";
import type { CollectionView, Snapshot } from "./collection-view.ts";
import { isFrozenTarget, type LeafFailure, type ShardTarget } from "./leaf-request.ts";

/** Which rows and documents of one moment fulfil a query's filter. */
export interface RowFilter {
  /** Bit r of a shard's entry: row r does, whether it is dead or not. A shard without entry has none. */
  readonly shards: ReadonlyMap<string, Uint8Array>;
  /** How that was found, by shard: `columns`, or `SQL`. */
  readonly means: ReadonlyMap<string, string>;
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

/** Rows of a target that fulfil the filter, from one row (a multiple of 512) to another; without a filter all of them. */
export function matchingRows({ matching, entry }: ShardTarget, from = 0, to = entry.documents): number {
  if (matching === undefined) return to - from;
  if (matching.length === 0) return 0;
  const counts = countsOf(matching);
  let count = 0;
  let row = from;
  for (; row + cellRows <= to; row += cellRows) count += counts[row / cellRows] ?? 0;
  return to === entry.documents ? count + (counts[row / cellRows] ?? 0) : count + setBits(matching, row, to);
}

/** Set bits of each 512 rows; they go with the bits, which are the same for every query with the filter. */
const known = new WeakMap<Uint8Array, Uint16Array>();
function countsOf(bits: Uint8Array): Uint16Array {
  const found = known.get(bits);
  if (found !== undefined) return found;
  const rows = 8 * bits.length;
  const counts = Uint16Array.from({ length: Math.ceil(rows / cellRows) }, (_, cell) =>
    setBits(bits, cell * cellRows, Math.min(rows, (cell + 1) * cellRows)),
  );
  known.set(bits, counts);
  return counts;
}

function setBits(bits: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let row = from; row < to; row += 8) {
    const byte = bits[row >>> 3] ?? 0;
    count += bitsOf[to - row < 8 ? byte & ((1 << (to - row)) - 1) : byte] as number;
  }
  return count;
}

const bitsOf = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);
