import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasEnded, processOwner, type Random, startedAtMs } from "../base/index.ts";

const named = /^mosaic-build-(\d+-[0-9a-f]+)-\w+$/;

/** Where an engine of this process builds files. Nothing is made yet. */
export const workFolderBelow = (parent: string, random: Random): string =>
  join(parent, `mosaic-build-${processOwner}-${random.nonce(8)}`);

/**
 * Removes what processes that were killed have left in `parent`: in a server that runs out of memory again and again, and in
 * an execution environment whose process is started anew, it would fill the disk. What can't be removed stays.
 */
export async function removeLeftWorkFolders(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [] as string[]);
  for (const name of names) {
    const owner = named.exec(name)?.[1];
    if (owner === undefined) continue;
    const path = join(parent, name);
    if (hasEnded(owner) || (owner === processOwner && (await isOlderThanThis(path))))
      await rm(path, { recursive: true, force: true }).catch(() => undefined); // somebody else's, perhaps
  }
}

/** An earlier process had this one's number. */
async function isOlderThanThis(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < startedAtMs;
}
