import { liveDocuments, type ShardEntry } from "../../manifest/index.ts";

/** Builds of about equal size that are put together at once: each document is rewritten once for every power of it. */
const fanout = 4;
/** A shard with more dead rows than this is worth writing anew for their sake alone. */
const deadShare = 0.25;

interface Build {
  readonly shards: readonly ShardEntry[];
  readonly documents: number;
}

/**
 * The shards that a background compaction should rewrite together, or none. Folds leave sealed shards behind, each put
 * into cells alone; when there are `fanout` builds of a size (within a factor of `fanout`), they become one build of
 * `fanout` times that size, with the smaller ones. Shards with many dead rows are rewritten in any case.
 */
export function chooseCompaction(shards: readonly ShardEntry[], maxDocs: number): readonly ShardEntry[] {
  const settled = shards.filter(({ status, archived }) => status !== "active" && archived === undefined);
  const builds = buildsOf(settled);
  const tierOf = ({ documents }: Build): number =>
    Math.max(0, Math.floor(Math.log(documents / maxDocs) / Math.log(fanout)));
  const tiers = Math.max(0, ...builds.map(tierOf));
  for (let tier = 0; tier <= tiers; tier++) {
    if (builds.filter((build) => tierOf(build) === tier).length < fanout) continue;
    const chosen = new Set(builds.filter((build) => tierOf(build) <= tier).flatMap((build) => build.shards));
    return shards.filter((shard) => chosen.has(shard));
  }
  return settled.filter((shard) => liveDocuments(shard) < shard.documents * (1 - deadShare));
}

/** What `compact` on demand rewrites: everything but archived shards, unless that would change nothing. */
export function chooseAll(all: readonly ShardEntry[]): readonly ShardEntry[] {
  const shards = all.filter(({ archived }) => archived === undefined);
  const isDone =
    shards.length === 0 ||
    (buildsOf(shards).length === 1 &&
      shards.every((shard) => shard.status === "compacted" && liveDocuments(shard) === shard.documents));
  return isDone ? [] : shards;
}

function buildsOf(shards: readonly ShardEntry[]): readonly Build[] {
  const byBuild = new Map<string, ShardEntry[]>();
  for (const shard of shards) byBuild.set(shard.build, [...(byBuild.get(shard.build) ?? []), shard]);
  return [...byBuild.values()].map((own) => ({
    shards: own,
    documents: own.reduce((sum, shard) => sum + liveDocuments(shard), 0),
  }));
}
