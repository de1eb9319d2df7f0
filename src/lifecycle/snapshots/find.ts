import { formatTimestamp, MosaicError } from "../../base/index.ts";
import type { Manifest, ManifestStore } from "../../manifest/index.ts";

/** A generation's number, or a moment in milliseconds since the epoch. */
export type AsOf = { readonly generation: number } | { readonly atMs: number };

/**
 * The manifest of a generation, or the one that was current at a moment. One GET, or one for each halving of the kept
 * generations. Throws `not_found` (code `snapshot_gone`) for what is not kept any more or is still to come.
 */
export async function findSnapshot(manifests: ManifestStore, current: Manifest, asOf: AsOf): Promise<Manifest> {
  if ("generation" in asOf) {
    const found = await manifests.generation(current, asOf.generation);
    if (found === undefined) throw gone(current, `generation ${asOf.generation}`);
    return found;
  }
  const time = formatTimestamp(asOf.atMs);
  let [low, high] = [current.historyFrom, current.generation];
  let found: Manifest | undefined;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const manifest = await manifests.generation(current, middle);
    // Generations may expire while we look: what is older is gone as well.
    if (manifest !== undefined && manifest.updatedAt > time) high = middle - 1;
    else {
      found = manifest ?? found;
      low = middle + 1;
    }
  }
  if (found === undefined) throw gone(current, `${time} UTC`);
  return found;
}

const gone = ({ historyFrom, generation }: Manifest, what: string): MosaicError =>
  new MosaicError("not_found", "find snapshot", {
    code: "snapshot_gone",
    detail: `The collection as of ${what} is not kept; generations ${historyFrom} to ${generation} are (SNAPSHOT_KEEP_MS).`,
  });
