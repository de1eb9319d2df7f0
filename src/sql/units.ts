import { asMosaicError, serializeError } from "../base/index.ts";
import type { FailedShard, ObjectRef, SqlHelp, SqlShard } from "./data.ts";
import type { DocumentColumn } from "./language/documents.ts";
import type { FileRef, ShardUnit, Unit } from "./process/messages.ts";

export type ShardFailure = FailedShard;

/** The shard with local files for who reads these columns, or why there are none. */
export async function unitOf(
  { id, file, deletes, ranks, excluded, unreadable }: SqlShard,
  columns: readonly DocumentColumn[],
  help: Pick<SqlHelp, "file">,
): Promise<ShardUnit | ShardFailure> {
  if (unreadable !== undefined) return { shard: id, error: unreadable };
  const local = (ref: ObjectRef | null): Promise<FileRef> | null => (ref === null ? null : help.file(ref));
  try {
    const [path, bitmap, rankFile] = await Promise.all([
      help.file(file),
      local(deletes),
      columns.includes("pagerank") ? local(ranks) : null,
    ]);
    return { kind: "shard", shard: id, file: path, deletes: bitmap, ranks: rankFile, excluded };
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
