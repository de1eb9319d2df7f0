import { MosaicError } from "../base/index.ts";
import type { ObjectRef, ShardEntry } from "./manifest.ts";

/** A shard whose file must be restored before it can be read. */
export type FrozenShard = ShardEntry & {
  readonly archived: NonNullable<ShardEntry["archived"]> & { readonly stub: ObjectRef };
};

export const isFrozen = (entry: ShardEntry): entry is FrozenShard =>
  entry.archived != null && entry.archived.stub !== null;

/** The file in which the rows of ids are looked up: of a frozen shard its stub, whose rows have the same numbers. */
export const rowFileOf = (entry: ShardEntry): ObjectRef => (isFrozen(entry) ? entry.archived.stub : entry.file);

export const needsRestoreCode = "archived_needs_restore";

/** Why a frozen shard is missing from an answer, and what to do about it. */
export function needsRestore(
  { id, archived }: Pick<ShardEntry, "id" | "archived">,
  collection: string,
  operation = "read shard",
): MosaicError {
  const { storageClass = "", restoreAskedAt = null } = archived ?? {};
  const body = JSON.stringify({ collection, shards: [id] });
  const call = `POST /api/v1/admin/restore ${body} (mosaic restore --collection ${collection} --shard ${id})`;
  const todo =
    restoreAskedAt === null
      ? `Restore it: ${call}.`
      : `Its restore was asked for at ${restoreAskedAt}; hours may pass. Asking again does no harm: ${call}.`;
  return new MosaicError("conflict", operation, {
    code: needsRestoreCode,
    detail: `This shard is archived as ${storageClass} and can't be read before it is restored. ${todo}`,
  });
}
