import { asMosaicError, serializeError } from "../base/index.ts";
import type { FailedShard, SqlHelp, SqlShard } from "./data.ts";
import type { ShardUnit, Unit } from "./process/messages.ts";

export type ShardFailure = FailedShard;

/** The shard with local files, or why there are none. */
export async function unitOf(
  { id, file, deletes, excluded, unreadable }: SqlShard,
  help: Pick<SqlHelp, "file">,
): Promise<ShardUnit | ShardFailure> {
  if (unreadable !== undefined) return { shard: id, error: unreadable };
  try {
    const [path, bitmap] = await Promise.all([help.file(file), deletes === null ? null : help.file(deletes)]);
    return { kind: "shard", shard: id, file: path, deletes: bitmap, excluded };
  } catch (error) {
    return { shard: id, error: serializeError(asMosaicError(error, "fetch shard")) };
  }
}

/** Fewer documents than these are not worth a second process. */
const documentsPerLeaf = 5000;

/** The units in as many groups of about equal size as are worth it, the largest shards first. */
export function divided(units: readonly Unit[], shards: readonly SqlShard[], parallel: number): Unit[][] {
  const sizes = new Map(shards.map(({ id, documents }) => [id, documents]));
  const sizeOf = (unit: Unit): number => (unit.kind === "shard" ? (sizes.get(unit.shard) ?? 0) : 0);
  const total = units.reduce((sum, unit) => sum + sizeOf(unit), 0);
  const count = Math.min(parallel, units.length, Math.max(1, Math.floor(total / documentsPerLeaf)));
  const groups = Array.from({ length: count }, () => ({ size: 0, units: [] as Unit[] }));
  for (const unit of [...units].sort((a, b) => sizeOf(b) - sizeOf(a))) {
    const least = groups.reduce((best, group) => (group.size < best.size ? group : best));
    least.units.push(unit);
    least.size += sizeOf(unit);
  }
  return groups.map((group) => group.units);
}
