import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { collectionPrefix, scopeOf } from "../../src/base/index.ts";
import { decodeManifest } from "../../src/manifest/index.ts";
import { CellIndex, type RecallTarget, recallTargets, selectCells } from "../../src/selection/index.ts";
import { cellRows, decodeSummary } from "../../src/shard/index.ts";
import { readQueries } from "../vector/input.ts";

export interface Routing {
  /** Share of the true ten, over all queries. */
  readonly recall: number;
  /** Cells that every query must look at for it, and the shards in which they lie, on average. */
  readonly cells: number;
  readonly shards: number;
  readonly shareOfRows: number;
}

const everyCell: RecallTarget = { ...recallTargets.balanced, rowsAtReference: Number.POSITIVE_INFINITY };

/** How far down the order of cells the true neighbours lie: what routing can do, before codes lose anything. */
export function routing(folder: string, recalls: readonly number[] = [0.95, 0.98]): readonly Routing[] {
  const storage = join(folder, "storage");
  const key = `${collectionPrefix(scopeOf("default", "documents"))}manifest.json`;
  const { shards } = decodeManifest(readFileSync(join(storage, key)), key);
  const index = new CellIndex(
    shards.map((entry) => ({
      entry,
      summary: decodeSummary(readFileSync(join(storage, entry.summary.key)), entry.summary.key),
    })),
  );
  const truth = JSON.parse(readFileSync(join(folder, "truth.json"), "utf8")) as string[][];
  const cellOf = locator(shards.map(({ file }) => join(storage, file.key)));
  const orders = readQueries(folder).map((query) => {
    const request = { index, query, distance: "cosine", target: everyCell, shardLimit: undefined } as const;
    return selectCells(request).visits;
  });
  const ranks = orders
    .flatMap(({ shard, cell }, at) => {
      const rankOf = new Map(Array.from(shard, (own, rank) => [`${own}/${cell[rank]}`, rank]));
      return (truth[at] ?? []).map((id) => rankOf.get(cellOf(id)) ?? Number.POSITIVE_INFINITY);
    })
    .sort((a, b) => a - b);
  const all = index.rows.reduce((sum, rows) => sum + rows, 0);
  return recalls.map((recall) => {
    const cells = (ranks[Math.ceil(recall * ranks.length) - 1] ?? Number.NaN) + 1;
    const touched = orders.reduce((sum, { shard }) => sum + new Set(shard.subarray(0, cells)).size, 0);
    return { recall, cells, shards: touched / orders.length, shareOfRows: (cells * cellRows) / all };
  });
}

/** Where a document lies, as `<shard>/<cell>`. */
function locator(files: readonly string[]): (id: string) => string {
  const rowOf = files.map((file) =>
    new Database(file, { readonly: true })
      .prepare<[string], number>("SELECT rowid FROM documents WHERE id = ?")
      .pluck(),
  );
  return (id) => {
    for (const [shard, statement] of rowOf.entries()) {
      const rowid = statement.get(id);
      if (rowid !== undefined) return `${shard}/${Math.floor((rowid - 1) / cellRows)}`;
    }
    throw new Error(`No shard holds ${id}.`);
  };
}
