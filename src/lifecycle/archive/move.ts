import { type Clock, collectionPrefix, MosaicError, type Random } from "../../base/index.ts";
import type { CollectionLog, ShardObjects } from "../../ingest/index.ts";
import {
  isStillStored,
  type Manifest,
  type ManifestStore,
  type ObjectRef,
  type Retirement,
  type ShardEntry,
} from "../../manifest/index.ts";
import type { ObjectFiles } from "../../shard/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { CompactorThread } from "../compaction/compactor.ts";

export interface MoveParts {
  readonly log: CollectionLog;
  readonly manifests: ManifestStore;
  readonly retirement: Retirement;
  readonly objects: ShardObjects;
  readonly localObjects: ObjectFiles;
  readonly thread: CompactorThread;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Local folder for stubs under construction. */
  readonly workFolder: string;
}

/** A shard, and how the manifest is to name it from now on. */
export interface Move {
  readonly was: ShardEntry;
  readonly becomes: ShardEntry;
}

/** Shards that one swap moves: few enough that little is done again when it fails. */
export const movedAtOnce = 8;

/**
 * Copies a shard's file to a new key in another class; the bytes stay what they are. Throws `storage_unsupported` where
 * the storage takes the copy but not the class, `not_found` when the collection is deleted. Requests: 1 PUT (the copy) and 2 HEAD.
 */
export async function copyFile(
  { store, log, random }: MoveParts,
  { id, file }: ShardEntry,
  folder: "archive" | "shards",
  storageClass: string,
): Promise<ObjectRef> {
  const key = `${collectionPrefix(log.scope)}${folder}/${id}-${random.nonce(6)}.db`;
  await store.copy(file.key, key, { storageClass });
  const info = await store.head(key);
  if (info === undefined) {
    await log.confirm(); // a collection that is deleted takes with it what is put there meanwhile
    const detail = "The copy of a shard's file is gone again.";
    throw new MosaicError("data", "copy shard", { code: "object_missing", detail, key });
  }
  if (info.storageClass !== storageClass) {
    throw new MosaicError("unavailable", "copy shard", {
      code: "storage_unsupported",
      detail: `The storage does not keep the class ${storageClass}.`,
      hint: "name a class that it has: ARCHIVE_CLASS",
      key,
    });
  }
  if (info.sizeBytes !== file.sizeBytes) {
    const detail = "A copy of a shard's file is not as long as the file.";
    throw new MosaicError("data", "copy shard", { code: "shard_damaged", detail, key: file.key });
  }
  return { ...file, key };
}

/**
 * One swap that names the shards as they are now; each that somebody else has changed meanwhile is left as it is. Returns
 * the ids of those that moved. What it has not used is deleted, but only by a manifest that was read after the last try,
 * and only what that neither names nor condemns: the answer of a swap that held may have been lost.
 */
export async function swapMoves(parts: MoveParts, moves: readonly Move[], since: number): Promise<readonly string[]> {
  const { manifests, retirement, log, objects } = parts;
  await retirement.settle(log.manifest);
  const swapped = await manifests.update(log.stored, (current) => {
    const good = moves.filter((move) => holds(current, move, since));
    return good.length === 0 ? undefined : changed(current, good, retirement);
  });
  const made = moves.flatMap(newKeys);
  if (swapped !== undefined) {
    await log.adopt(swapped);
    await objects.discard(made, swapped.manifest);
    await retirement.settle(swapped.manifest);
  } else {
    await objects.discard(made, (await manifests.read())?.manifest);
    await log.refresh();
  }
  const now = new Map(log.manifest.shards.map((entry) => [entry.id as string, entry.file.key]));
  return moves.filter(({ becomes }) => now.get(becomes.id) === becomes.file.key).map(({ becomes }) => becomes.id);
}

function newKeys({ was, becomes }: Move): readonly string[] {
  const before = keysOf(was);
  return keysOf(becomes).filter((key) => !before.includes(key));
}

const keysOf = ({ file, archived }: ShardEntry): readonly string[] =>
  archived?.stub ? [file.key, archived.stub.key] : [file.key];

/** The shard lies where it lay, and what was made of it is still there. Rows may have died meanwhile. */
function holds(current: Manifest, move: Move, since: number): boolean {
  const now = current.shards.find(({ id }) => id === move.was.id);
  return now?.file.key === move.was.file.key && isStillStored(current, since, newKeys(move));
}

function changed(current: Manifest, moves: readonly Move[], retirement: Retirement): Partial<Manifest> {
  const byId = new Map(moves.map(({ becomes }) => [becomes.id, becomes]));
  const shards = current.shards.map((entry) => {
    const becomes = byId.get(entry.id);
    if (becomes === undefined) return entry;
    const { archived: _, ...rest } = entry;
    const { file, placedAt, archived } = becomes;
    return {
      ...rest,
      file,
      ...(placedAt === undefined ? {} : { placedAt }),
      ...(archived === undefined ? {} : { archived }),
    };
  });
  const after = { shards, foldedThrough: current.foldedThrough };
  return { ...after, ...retirement.next(current, after) };
}
