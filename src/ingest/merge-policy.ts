import { liveDocuments, type ShardEntry } from "../manifest/index.ts";

/**
 * Size-tiered merging: a shard's tier is the power of `fanout` that its live documents reach, counted from `base`.
 * When a fold would leave `fanout` shards in a tier, it merges them, and the smaller ones with them, with what it
 * brings, and goes on to the next tier with the result. So a document is rewritten about once a tier, and there are at
 * most (fanout − 1) active shards a tier.
 *
 * Once there is enough for a full shard, fewer are merged: just those, the smallest first, that fill one. So a merge
 * takes memory for little more than a full shard, however large the collection.
 */
export interface MergeLimits {
  readonly maxDocs: number;
  readonly maxBytes: number;
}

const fanout = 8;
const base = 64;

const tierOf = (documents: number): number =>
  documents < base ? 0 : Math.floor(Math.log(documents / base) / Math.log(fanout)) + 1;

/** The active shards to merge with `newDocs` new documents of about `newBytes`. Archived ones are left alone. */
export function chooseMerge(
  all: readonly ShardEntry[],
  newDocs: number,
  newBytes: number,
  limits: MergeLimits,
): readonly ShardEntry[] {
  const shards = all.filter(({ archived }) => archived === undefined);
  const waiting = shards
    .filter(({ status }) => status === "active")
    .sort((a, b) => liveDocuments(a) - liveDocuments(b))
    .map((shard) => ({ shard, tier: tierOf(liveDocuments(shard)) }));
  const chosen = new Set<ShardEntry>();
  let documents = newDocs;
  let bytes = newBytes;
  const isFull = (): boolean => documents >= limits.maxDocs || bytes >= limits.maxBytes;
  for (let tier = 0; tier <= tierOf(limits.maxDocs) && !isFull(); tier++) {
    const upTo = waiting.filter((one) => one.tier <= tier && !chosen.has(one.shard)).map(({ shard }) => shard);
    const peers = upTo.filter((shard) => tierOf(liveDocuments(shard)) === tier).length;
    const arriving = tierOf(documents) === tier ? 1 : 0;
    const fills =
      documents + sum(upTo, liveDocuments) >= limits.maxDocs || bytes + sum(upTo, sizeOf) >= limits.maxBytes;
    if (peers + arriving < fanout && !(fills && peers > 0)) continue;
    for (const shard of upTo) {
      if (isFull()) break;
      chosen.add(shard);
      documents += liveDocuments(shard);
      bytes += sizeOf(shard);
    }
  }
  return shards.filter((shard) => chosen.has(shard) || mostlyDead(shard));
}

const sizeOf = ({ file }: ShardEntry): number => file.sizeBytes;

const sum = (shards: readonly ShardEntry[], of: (shard: ShardEntry) => number): number =>
  shards.reduce((total, shard) => total + of(shard), 0);

/** A shard whose rows are mostly dead costs more to read than to write again. */
const mostlyDead = (shard: ShardEntry): boolean => liveDocuments(shard) < shard.documents / 2;
