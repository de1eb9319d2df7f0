import { formatTimestamp, isMosaicError, MosaicError } from "../../base/index.ts";
import { isFrozen, type ShardEntry } from "../../manifest/index.ts";
import type { RestoreOptions } from "../../store/index.ts";
import { copyFile, type Move, type MoveParts, movedAtOnce, swapMoves } from "./move.ts";

export interface RestoreStep {
  readonly moved: readonly string[];
  /** Still to do: at once, or once their restored copies are there. */
  readonly left: readonly string[];
  /** True when nothing can be done before storage has restored what was asked for. */
  readonly waits: boolean;
}

/**
 * Moves archived shards back, as many as one swap takes. Those that can't be read yet are asked for, all of them at once,
 * and moved by a later call. Requests: 1 HEAD of each, 1 to ask for it, 1 PUT (the copy) and 2 HEAD to move it; 2 for
 * each swap: one that notes the asking, and one that moves. Asking again, or from two processes, does no harm.
 */
export async function restoreSome(
  parts: MoveParts,
  ids: readonly string[],
  options: RestoreOptions,
): Promise<RestoreStep> {
  const { log } = parts;
  await log.refresh();
  const since = log.manifest.generation;
  const wanted = new Set(ids);
  const due = log.manifest.shards.filter((entry) => wanted.has(entry.id) && entry.archived != null);
  const ready: ShardEntry[] = [];
  const asked: ShardEntry[] = [];
  for (const entry of due) (await isReadable(parts, entry, options)) ? ready.push(entry) : asked.push(entry);
  await noteAsked(parts, asked);
  const moves: Move[] = [];
  for (const entry of ready.slice(0, movedAtOnce)) {
    const move = await moveBack(parts, entry);
    if (move !== undefined) moves.push(move);
  }
  const moved = moves.length === 0 ? [] : await swapMoves(parts, moves, since);
  const left = due.map(({ id }) => id as string).filter((id) => !moved.includes(id));
  return { moved, left, waits: left.length > 0 && moves.length === 0 };
}

/** Asks for what can't be read; a store that has it at once says so. */
async function isReadable({ store }: MoveParts, entry: ShardEntry, options: RestoreOptions): Promise<boolean> {
  if (!isFrozen(entry)) return true;
  const { key } = entry.file;
  const info = await store.head(key);
  if (info === undefined) throw fileMissing(key);
  if (!store.mustBeRestored(info.storageClass)) return true;
  if (info.restore !== undefined) return info.restore === "ready";
  await store.restore(key, options);
  return (await store.head(key))?.restore === "ready";
}

/** So that everybody who misses these shards is told that they are on their way. */
async function noteAsked({ log, manifests, clock }: MoveParts, shards: readonly ShardEntry[]): Promise<void> {
  const ids = new Set(shards.filter(({ archived }) => archived?.restoreAskedAt === null).map(({ id }) => id));
  if (ids.size === 0) return;
  const restoreAskedAt = formatTimestamp(clock.now());
  const isDue = (entry: ShardEntry): boolean =>
    ids.has(entry.id) && isFrozen(entry) && entry.archived.restoreAskedAt === null;
  const swapped = await manifests.update(log.stored, (current) =>
    current.shards.some(isDue)
      ? {
          shards: current.shards.map((entry) =>
            isDue(entry) && entry.archived != null
              ? { ...entry, archived: { ...entry.archived, restoreAskedAt } }
              : entry,
          ),
        }
      : undefined,
  );
  if (swapped === undefined) await log.refresh();
  else await log.adopt(swapped);
}

/** Undefined when the restored copy has gone again: it is asked for anew. */
async function moveBack(parts: MoveParts, was: ShardEntry): Promise<Move | undefined> {
  try {
    const file = await copyFile(parts, was, "shards", "STANDARD");
    const { archived: _, ...rest } = was;
    return { was, becomes: { ...rest, file, placedAt: formatTimestamp(parts.clock.now()) } };
  } catch (error) {
    if (isMosaicError(error) && error.code === "restore_required") return undefined;
    throw isMosaicError(error, "not_found") ? fileMissing(was.file.key, error) : error;
  }
}

const fileMissing = (key: string, cause?: unknown): MosaicError =>
  new MosaicError("data", "restore shard", {
    code: "object_missing",
    detail: "The file of an archived shard is missing.",
    key,
    hint: "run: mosaic verify",
    cause,
  });
