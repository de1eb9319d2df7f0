import { collectionPrefix } from "../base/index.ts";
import type { CollectionLog } from "../ingest/index.ts";
import {
  type Branch,
  historyKey,
  liveKeys,
  type Manifest,
  type ManifestStore,
  manifestKey,
  quarantinedKeys,
  type Retirement,
  segmentKey,
  sequenceOfSegment,
} from "../manifest/index.ts";
import { type BranchParts, branchesInUse } from "./snapshots/branch.ts";

export interface GcParts extends BranchParts {
  readonly log: CollectionLog;
  readonly manifests: ManifestStore;
  readonly retirement: Retirement;
}

export interface Garbage {
  /** Objects that nothing names, older than anything under way: what a crash left behind. */
  readonly orphans: readonly { readonly key: string; readonly sizeBytes: number }[];
  /** Objects that were condemned earlier and are not deleted yet. */
  readonly condemned: number;
}

/** One LIST of the collection for every 1000 objects; changes nothing. */
export async function findGarbage({ log, store, clock, keepMs }: GcParts): Promise<Garbage> {
  await log.refresh();
  const { manifest } = log;
  const prefix = collectionPrefix(log.scope);
  const isNamed = namedBy(manifest, prefix);
  const orphans: { key: string; sizeBytes: number }[] = [];
  for await (const { key, sizeBytes, modifiedMs } of store.list(prefix)) {
    if (!isNamed(key) && modifiedMs + keepMs < clock.now()) orphans.push({ key, sizeBytes });
  }
  return { orphans, condemned: manifest.condemned.reduce((sum, { keys }) => sum + keys.length, 0) };
}

/**
 * Condemns orphans, takes back what branches no longer use, deletes what was condemned long enough ago: so an orphan is
 * deleted by the second run, the time that snapshots are kept after the first. An upload under way that took so long that it
 * was taken for an orphan is not lost: the swap that would name it fails, and its work is done again.
 */
export async function collectGarbage(parts: GcParts): Promise<Garbage> {
  const { log, manifests, retirement } = parts;
  const found = await findGarbage(parts);
  const before = log.manifest;
  const branches = await branchesInUse(parts, before);
  await retirement.settle(log.manifest);
  const swapped = await manifests.update(log.stored, (current) => {
    const isNamed = namedBy(current, collectionPrefix(log.scope));
    const orphans = found.orphans.map(({ key }) => key).filter((key) => !isNamed(key));
    const released = branches === undefined ? {} : { branches: merged(current, before, branches) };
    const after = { ...current, ...released };
    return { ...released, ...retirement.next(after, { ...current, orphans }) };
  });
  if (swapped !== undefined) {
    await log.adopt(swapped);
    await retirement.settle(swapped.manifest);
  }
  return found;
}

/** The branches as they were found; one that was noted since then, or anew, stays as it is. */
function merged(current: Manifest, before: Manifest, checked: readonly Branch[]): readonly Branch[] {
  const noteOf = ({ incarnation, atMs }: Branch): string => `${incarnation} ${atMs}`;
  const known = new Set(before.branches.map(noteOf));
  const found = new Map(checked.map((one) => [noteOf(one), one]));
  return current.branches.flatMap((one) => (known.has(noteOf(one)) ? (found.get(noteOf(one)) ?? []) : one));
}

/** What the manifest, its log and the generations that are kept need. */
export function namedBy(manifest: Manifest, prefix: string): (key: string) => boolean {
  const condemned = manifest.condemned.flatMap((one) => one.keys);
  const keys = new Set([...liveKeys(manifest), ...quarantinedKeys(manifest), ...condemned, prefix + manifestKey]);
  for (const { wal } of manifest.condemned) {
    for (let sequence = wal?.[0] ?? 1; sequence <= (wal?.[1] ?? 0); sequence++) keys.add(prefix + segmentKey(sequence));
  }
  for (let generation = manifest.historyFrom; generation <= manifest.generation; generation++) {
    keys.add(prefix + historyKey(generation));
  }
  return (key) =>
    keys.has(key) ||
    key.startsWith(`${prefix}leases/`) ||
    key.startsWith(`${prefix}quarantine/`) ||
    (key.startsWith(`${prefix}wal/`) && sequenceOfSegment(key) > manifest.foldedThrough);
}
