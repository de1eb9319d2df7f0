import { MosaicError } from "../../base/index.ts";
import type { CollectionLog } from "../../ingest/index.ts";
import { liveKeys, type Manifest, type ManifestStore, quarantinedKeys, type Retirement } from "../../manifest/index.ts";

export interface RollbackParts {
  readonly log: CollectionLog;
  readonly manifests: ManifestStore;
  readonly retirement: Retirement;
}

/**
 * Makes the shards of an older generation the current ones, in one swap. Everything acknowledged up to now that is not in
 * them is no longer in the collection; the generations in between stay readable as long as snapshots are kept. A shard
 * that was quarantined since is live again: whoever has put its file back says so by a rollback.
 */
export async function rollback(parts: RollbackParts, to: Manifest): Promise<void> {
  const { log, manifests, retirement } = parts;
  await log.refresh();
  const through = log.tail.lastSequence;
  await retirement.settle(log.manifest);
  const swapped = await manifests.update(
    log.stored,
    (current) => {
      const back = new Set(to.shards.map(({ id }) => id));
      const quarantined = current.quarantined.filter(({ id }) => !back.has(id));
      const after = { shards: to.shards, quarantined, foldedThrough: Math.max(through, current.foldedThrough) };
      if (!isStillThere(current, to)) throw gone(to);
      return { ...after, ...retirement.next(current, after) };
    },
    { rollback: true },
  );
  if (swapped !== undefined) await log.adopt(swapped);
}

/** Objects that are condemned, but not marked for deletion, are certainly there. */
function isStillThere(current: Manifest, to: Manifest): boolean {
  const kept = new Set([
    ...liveKeys(current),
    ...quarantinedKeys(current),
    ...current.condemned.filter(({ deleting }) => !deleting).flatMap(({ keys }) => keys),
  ]);
  return liveKeys(to).every((key) => kept.has(key));
}

const gone = ({ generation }: Manifest): MosaicError =>
  new MosaicError("not_found", "roll back", {
    code: "snapshot_gone",
    detail: `Some of what generation ${generation} needs has been deleted; roll back to a newer one.`,
  });
