import type { CollectionStats } from "../../engine/index.ts";
import { type Command, exitDone } from "../command.ts";
import { bytesText, countText, plural, table } from "../output.ts";

export const stats: Command = {
  name: "stats",
  operands: "",
  summary: "Shows what a collection consists of.",
  takes: [0, 0],
  async run({ scope, json, output, open }) {
    const engine = await open();
    const found = await engine.stats(scope);
    if (json) output.json(found);
    else for (const line of describe(found)) output.data(line);
    return exitDone;
  },
};

const asked = (at: string | null): string => (at === null ? "" : `, asked for at ${at}`);

function describe({
  documents,
  deleted,
  bytes,
  generation,
  shards,
  wal,
  last_fold_at: lastFold,
}: CollectionStats): string[] {
  const facts: [string, string][] = [
    ["documents", countText(documents)],
    ["deleted rows", countText(deleted)],
    ["size", bytesText(bytes)],
    ["generation", String(generation)],
    ["not yet folded", `${plural(wal.segments, "segment")}, ${bytesText(wal.bytes)}`],
    ["last fold", lastFold ?? "-"],
  ];
  for (const { id, archived } of shards)
    if (archived?.needs_restore) facts.push(["to be restored", `${id}${asked(archived.restore_asked_at)}`]);
  const rows = shards.map((shard) => [
    shard.id,
    shard.status,
    shard.storage_class,
    shard.documents,
    shard.deleted,
    bytesText(shard.bytes),
    shard.created_at?.min ?? "-",
    shard.created_at?.max ?? "-",
  ]);
  const list =
    rows.length === 0
      ? []
      : ["", ...table([["shard", "status", "class", "rows", "deleted", "size", "oldest", "newest"], ...rows])];
  return [...table(facts), ...list];
}
