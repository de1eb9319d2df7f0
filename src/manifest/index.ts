/**
 * manifest: which objects are a collection right now?
 * Answers: settings, live shards, how far the WAL is folded, what is condemned; and swaps one truth for the next.
 * Owns: manifest.json and manifests/ of a collection, the rules that every swap keeps, the names of objects.
 * Never: opens a shard, a segment or a summary.
 */
export { type FrozenShard, isFrozen, needsRestore, needsRestoreCode, rowFileOf } from "./archived.ts";
export { decodeManifest, encodeManifest } from "./codec.ts";
export { checkInvariants, type SwapKind } from "./invariants.ts";
export { listCollectionNames, listTenants } from "./list-collections.ts";
export {
  type Archived,
  type Branch,
  type CollectionSettings,
  type Condemned,
  type DeletesRef,
  type Distance,
  emptyManifest,
  historyKey,
  isStillStored,
  liveDocuments,
  liveKeys,
  type Manifest,
  manifestKey,
  type ObjectRef,
  type Precision,
  quarantinedKeys,
  type RanksRef,
  type ShardEntry,
  type ShardStatus,
  segmentKey,
  sequenceOfSegment,
} from "./manifest.ts";
export { Retirement, type RetirementParts } from "./retirement.ts";
export { type Change, collectionNotFound, isUnknownOutcome, ManifestStore, type Stored } from "./stored-manifest.ts";
