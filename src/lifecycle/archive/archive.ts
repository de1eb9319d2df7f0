import { join } from "node:path";
import { type ArchiveClass, collectionPrefix, epochMsOf, formatTimestamp } from "../../base/index.ts";
import { isFrozen, type Manifest, type ObjectRef, type ShardEntry } from "../../manifest/index.ts";
import { withPins } from "../../shard/index.ts";
import { copyFile, type Move, type MoveParts, movedAtOnce, swapMoves } from "./move.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** Shards all of whose documents are older than that, by `created_at`. */
export function olderThan({ shards }: Manifest, ageMs: number, nowMs: number): readonly ShardEntry[] {
  return shards.filter(({ createdAt }) => epochMsOf(createdAt.max) < nowMs - ageMs);
}

/**
 * What a policy moves: shards of that age that nobody has written or restored for as long, and that are not archived yet. So
 * old documents that were just brought in, or back, stay readable for a while.
 */
export function dueByPolicy(manifest: Manifest, afterDays: number, nowMs: number): readonly ShardEntry[] {
  const ageMs = afterDays * dayMs;
  return olderThan(manifest, ageMs, nowMs).filter(
    ({ placedAt, archived }) =>
      archived === undefined && (placedAt === undefined || epochMsOf(placedAt) < nowMs - ageMs),
  );
}

/** Whether archiving into a class would change anything. What must be restored first is left where it is. */
export const canMoveTo = (entry: ShardEntry, storageClass: ArchiveClass): boolean =>
  !isFrozen(entry) && entry.archived?.storageClass !== storageClass;

/**
 * Moves some of a collection's shards into a colder class, as many as one swap takes, and returns what is left to do. Where
 * objects of the class must be restored to be read, a stub is put beside first. Requests of a shard: 1 PUT (the copy) and
 * 2 HEAD, 1 PUT for a stub; 2 for the swap of all. Ended anywhere, it leaves the shards as they were, and litter for gc.
 */
export async function archiveSome(
  parts: MoveParts,
  ids: readonly string[],
  storageClass: ArchiveClass,
): Promise<{ readonly moved: readonly string[]; readonly left: readonly string[] }> {
  const { log } = parts;
  await log.refresh();
  const wanted = new Set(ids);
  const due = log.manifest.shards.filter((entry) => wanted.has(entry.id) && canMoveTo(entry, storageClass));
  const now = due.slice(0, movedAtOnce);
  if (now.length === 0) return { moved: [], left: [] };
  const since = log.manifest.generation;
  const moves: Move[] = [];
  for (const entry of now) moves.push(await move(parts, entry, storageClass));
  const moved = await swapMoves(parts, moves, since);
  return { moved, left: due.map(({ id }) => id as string).filter((id) => !moved.includes(id)) };
}

async function move(parts: MoveParts, was: ShardEntry, storageClass: ArchiveClass): Promise<Move> {
  const { store, clock } = parts;
  const stub = store.mustBeRestored(storageClass) ? await putStub(parts, was) : null;
  const file = await copyFile(parts, was, "archive", storageClass);
  const at = formatTimestamp(clock.now());
  return { was, becomes: { ...was, file, archived: { storageClass, at, stub, restoreAskedAt: null } } };
}

/** It is made of the file, which is fetched for it where it isn't local. */
async function putStub(parts: MoveParts, { id, file, documents }: ShardEntry): Promise<ObjectRef> {
  const { store, log, random, localObjects, thread, workFolder } = parts;
  const name = `${id}-${random.nonce(6)}.db`;
  const path = join(workFolder, "stubs", name);
  const key = `${collectionPrefix(log.scope)}stubs/${name}`;
  try {
    const made = await withPins(localObjects, [file], (pathOf) =>
      thread.stub({ path: pathOf(file), file, shard: id, documents }, path),
    );
    await store.put(key, { path });
    const ref = { key, ...made };
    localObjects.trust(ref);
    return ref;
  } finally {
    await thread.discard(path);
  }
}
