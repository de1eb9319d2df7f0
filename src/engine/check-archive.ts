import {
  type ArchiveClass,
  archiveClasses,
  MosaicError,
  type RestoreSpeed,
  restoreSpeeds,
  type Scope,
} from "../base/index.ts";
import { isFrozen, type Manifest, needsRestore } from "../manifest/index.ts";
import type { ArchiveRequest } from "./api.ts";
import { invalid } from "./check-document.ts";
import { oneOf } from "./check-search.ts";

const hourMs = 60 * 60 * 1000;

/** What is to be archived: shards by id, or by age. */
export type ArchiveChoice =
  | { readonly shards: readonly string[]; readonly ageMs?: undefined }
  | { readonly shards?: undefined; readonly ageMs: number };

export function checkChoice({ shards, older_than: olderThan }: ArchiveRequest): ArchiveChoice {
  if ((shards === undefined) === (olderThan === undefined)) {
    throw invalid("shards_or_older_than", "Give exactly one of shards and older_than.");
  }
  return shards === undefined ? { ageMs: ageOf(olderThan ?? "") } : { shards };
}

function ageOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([dh])$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (unit === "d" ? 24 : 1) * hourMs;
  throw invalid("invalid_older_than", "older_than is a number of days or hours: 90d, 12h.");
}

export const checkClass = (field: string, value: string): ArchiveClass =>
  oneOf(field, value as ArchiveClass, archiveClasses);

export const checkSpeed = (value: string): RestoreSpeed => oneOf("speed", value as RestoreSpeed, restoreSpeeds);

/** Throws `not_found` when the collection has no shard of one of the ids. */
export function checkShards({ shards }: Manifest, ids: readonly string[]): void {
  const known = new Set<string>(shards.map(({ id }) => id));
  const missing = ids.find((id) => !known.has(id));
  if (missing === undefined) return;
  throw new MosaicError("not_found", "find shard", {
    code: "shard_not_found",
    detail: `The collection has no shard ${JSON.stringify(missing.slice(0, 100))}; its statistics list those that it has.`,
  });
}

/**
 * Throws `conflict` when one of the shards lies in a class that it must be restored from before it can go to another. By
 * age such shards are passed over instead.
 */
export function checkMovable(
  { shards }: Manifest,
  ids: readonly string[],
  storageClass: ArchiveClass,
  { collection }: Scope,
): void {
  const named = new Set(ids);
  const stuck = shards.find(
    (entry) => named.has(entry.id) && isFrozen(entry) && entry.archived.storageClass !== storageClass,
  );
  if (stuck !== undefined) throw needsRestore(stuck, collection, "archive shard");
}

/** Throws when a shard that is to be restored, all of them when `ids` are absent, lies where S3 has no such speed. */
export function checkSpeedOf({ shards }: Manifest, ids: readonly string[] | undefined, speed: RestoreSpeed): void {
  if (speed !== "expedited") return;
  const named = ids === undefined ? undefined : new Set(ids);
  const slow = shards.find(
    (entry) => isFrozen(entry) && entry.archived.storageClass === "DEEP_ARCHIVE" && (named?.has(entry.id) ?? true),
  );
  if (slow === undefined) return;
  throw invalid(
    "speed_not_available",
    `Shard ${slow.id} lies in DEEP_ARCHIVE, which has no expedited restores. Ask for standard or bulk, or name the shards of GLACIER alone.`,
  );
}
