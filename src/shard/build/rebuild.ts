import type { DeadRows } from "../file/bitmap.ts";
import { ShardFile } from "../file/reader.ts";
import { Bloom } from "../summary/bloom.ts";
import { encodeSummary } from "../summary/summary.ts";
import { ValueCollector } from "../summary/values.ts";
import type { DeadTerms } from "../terms/dead-terms.ts";
import { TermTable } from "../terms/term-table.ts";
import { layoutOf } from "./layout.ts";
import { countedTerms } from "./terms-of-dead.ts";

/**
 * The summary of a finished file, byte for byte what its build made beside it: everything that it says is in the file.
 * Reads all of it. Throws `data` when the file can't be read.
 */
export function summaryOfFile(path: string, shard: string): Uint8Array {
  const file = ShardFile.open(path);
  try {
    const ids: string[] = [];
    const values = new ValueCollector();
    for (const row of file.plainRows()) {
      ids.push(row.id);
      values.add(row);
    }
    const cells = file.cells();
    const dimensions = cells[0]?.centroid.length ?? 0;
    const centroids = new Float32Array(cells.length * dimensions);
    cells.forEach(({ centroid }, at) => {
      centroids.set(centroid, at * dimensions);
    });
    return encodeSummary({
      shard,
      documents: ids.length,
      vectors: cells.reduce((sum, { rows }) => sum + rows, 0),
      dimensions,
      cellRows: Uint16Array.from(cells, ({ rows }) => rows),
      centroids,
      spreads: Float32Array.from(cells, ({ spread }) => spread),
      ids: Bloom.of(ids, ids.length),
      values: values.values(),
      terms: file.lengths().reduce((sum, terms) => sum + terms, 0),
      columns: file.columnNames(),
      layout: layoutOf(path),
    });
  } finally {
    file.close();
  }
}

/** The table of terms of a finished file, byte for byte what its build made beside it. Throws `data` when it can't be read. */
export function termsOfFile(path: string, shard: string): Uint8Array {
  const file = ShardFile.open(path);
  try {
    return TermTable.encode(shard, file.terms());
  } finally {
    file.close();
  }
}

/** What dead rows take from a finished file's statistics, counted in its lists of rows. Reads all of them. */
export function deadTermsOfFile(path: string, dead: DeadRows): DeadTerms {
  const file = ShardFile.open(path);
  try {
    return countedTerms(file, (row) => dead.isDead(row));
  } finally {
    file.close();
  }
}
