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
  const rows = shards.map((shard) => [
    shard.id,
    shard.status,
    shard.documents,
    shard.deleted,
    bytesText(shard.bytes),
    shard.created_at?.min ?? "-",
    shard.created_at?.max ?? "-",
  ]);
  const list =
    rows.length === 0
      ? []
      : ["", ...table([["shard", "status", "rows", "deleted", "size", "oldest", "newest"], ...rows])];
  return [...table(facts), ...list];
}
