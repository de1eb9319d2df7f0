import { liveDocuments, type ShardEntry } from "../manifest/index.ts";

/**
 * Size-tiered merging: a shard's tier is the power of `fanout` that its live documents reach, counted from `base`.
 * When a fold would leave `fanout` shards in a tier, it merges them, and the smaller ones with them, with what it
 * brings, and goes on to the next tier with the result. So a document is rewritten about once a tier, and there are at
 * most (fanout − 1) active shards a tier.
 */
export interface MergeLimits {
  readonly maxDocs: number;
  readonly maxBytes: number;
}

const fanout = 8;
const base = 64;

const tierOf = (documents: number): number =>
  documents < base ? 0 : Math.floor(Math.log(documents / base) / Math.log(fanout)) + 1;

/** The active shards to merge with `newDocs` new documents of about `newBytes`; the newest are last in `shards`. */
export function chooseMerge(
  shards: readonly ShardEntry[],
  newDocs: number,
  newBytes: number,
  limits: MergeLimits,
): readonly ShardEntry[] {
  const open = shards.filter(({ status }) => status === "active");
  const chosen = new Set<ShardEntry>();
  let documents = newDocs;
  let bytes = newBytes;
  for (let tier = 0; tier <= tierOf(limits.maxDocs); tier++) {
    const unchosen = open.filter((shard) => !chosen.has(shard) && tierOf(liveDocuments(shard)) <= tier);
    const peers = unchosen.filter((shard) => tierOf(liveDocuments(shard)) === tier).length;
    const arriving = tierOf(documents) === tier ? 1 : 0;
    if (peers + arriving < fanout) continue;
    for (const shard of unchosen) {
      chosen.add(shard);
      documents += liveDocuments(shard);
      bytes += shard.file.sizeBytes;
    }
    // Past the limits the builder rotates: full shards are sealed, and the rest begins anew.
    if (documents >= limits.maxDocs || bytes >= limits.maxBytes) break;
  }
  return shards.filter((shard) => chosen.has(shard) || mostlyDead(shard));
}

/** A shard whose rows are mostly dead costs more to read than to write again. */
const mostlyDead = (shard: ShardEntry): boolean => liveDocuments(shard) < shard.documents / 2;
