import type { ColumnsRequest, LeafColumn } from "./leaf-request.ts";
import type { LeafRun } from "./leaf-run.ts";

/** Columns of codes as the files have them. Where a file is here in parts, codes of cells are asked for in the same round. */
export function columnsOfShards(run: LeafRun, { shards }: ColumnsRequest): readonly LeafColumn[] {
  return shards.flatMap(({ entry, columns, cells }, shard) => {
    const found = columns.flatMap(({ name, number }): LeafColumn[] => {
      const stored = run.attempt(shard, (open) => open.file.column(number));
      return stored === undefined
        ? []
        : [{ shard: entry.id, name, dictionary: stored.dictionary, codes: stored.codes }];
    });
    for (const cell of cells)
      run.attempt(shard, (open) => (open.path === undefined ? open.file.codes(cell) : undefined));
    return run.hasFailed(shard) ? [] : found;
  });
}
