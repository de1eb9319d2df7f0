import { recallTargets, selectCells } from "../selection/index.ts";
import type { CellsAhead } from "./filter-columns.ts";
import type { Moment } from "./moment.ts";
import type { Recall } from "./vector-query.ts";

/**
 * The cells that a query would visit without its filter: most of those that it visits with it, so their codes are worth fetching
 * together with the filter's columns. None where codes are not scanned.
 */
export function cellsAhead({ view, snapshot: { manifest } }: Moment, query: Float32Array, recall: Recall): CellsAhead {
  const { distance } = manifest.settings;
  if (distance !== "cosine" || recall === "exact") return new Map();
  const index = view.cellsOf(manifest);
  const target = recallTargets[recall];
  const { visits } = selectCells({ index, query, distance, target, shardLimit: undefined });
  const cells = new Map<string, number[]>();
  visits.shard.forEach((shard, at) => {
    const id = manifest.shards[shard]?.id as string;
    cells.set(id, [...(cells.get(id) ?? []), visits.cell[at] as number]);
  });
  return cells;
}
