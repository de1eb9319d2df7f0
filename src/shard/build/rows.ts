import { floatsOf, ShardFile } from "../file/reader.ts";
import type { ShardRow } from "./writer.ts";

/** A row that a build takes: of `files[source]`, or of the new rows when `source` is −1. */
export interface RowRef {
  readonly source: number;
  readonly row: number;
  /** About what it adds to a file. */
  readonly bytes: number;
}

/** Rows with a vector, their vectors as searched in one matrix, and the rows without. */
export interface Gathered {
  readonly refs: readonly RowRef[];
  /** refs × dimensions. */
  readonly vectors: Float32Array;
  readonly plain: readonly RowRef[];
}

/** Bytes that a row adds to a file beside its texts and vectors: headers, indexes, rowids, factors. */
const rowOverheadBytes = 220;
/** Rows don't divide pages evenly; measured on texts of 1 to 2 KiB with vectors. */
const pageFill = 0.9;

/** A vector is kept as float32, int8 and code: 4, 1 and 1/8 bytes a dimension. */
export function rowBytes({ id, text, metadata, embedding }: ShardRow): number {
  const texts = text.length + metadata.length + 2 * id.length;
  return Math.ceil((rowOverheadBytes + texts + (embedding?.byteLength ?? 0) * 1.29) / pageFill);
}

/** A shard's file, and the ranks that count instead of its own. */
export interface RowSource {
  readonly path: string;
  readonly ranks?: Float64Array | undefined;
}

/** New rows, and the files of older shards, open for reading. */
export class RowSources {
  readonly files: readonly ShardFile[];
  readonly #ranks: readonly (Float64Array | undefined)[];
  readonly #rows: readonly ShardRow[];

  constructor(sources: readonly RowSource[], rows: readonly ShardRow[] = []) {
    this.#rows = rows;
    this.#ranks = sources.map(({ ranks }) => ranks);
    const files: ShardFile[] = [];
    try {
      for (const { path } of sources) files.push(ShardFile.open(path));
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
    this.files = files;
  }

  read({ source, row }: { readonly source: number; readonly row: number }): ShardRow {
    const found = source < 0 ? this.#rows[row] : this.files[source]?.row(row);
    if (found === undefined) throw new RangeError("a row that was gathered is gone");
    const pagerank = this.#ranks[source]?.[row];
    return pagerank === undefined ? found : { ...found, pagerank };
  }

  close(): void {
    for (const file of this.files) file.close();
  }
}

/** The vectors of some rows, as searched, row after row. Throws when one has none. */
export function vectorsOf(
  sources: RowSources,
  rows: readonly { readonly source: number; readonly row: number }[],
  dimensions: number,
  distance: "cosine" | "l2" | "dot",
): Float32Array {
  const matrix = new Float32Array(rows.length * dimensions);
  rows.forEach((ref, at) => {
    const { embedding } = sources.read(ref);
    if (embedding === null) throw new RangeError("a row without a vector was taken for one with");
    setAsSearched(matrix.subarray(at * dimensions, (at + 1) * dimensions), floatsOf(embedding), distance);
  });
  return matrix;
}

/** Copies a vector, scaled to unit length for cosine. */
function setAsSearched(out: Float32Array, vector: Float32Array, distance: "cosine" | "l2" | "dot"): void {
  out.set(vector);
  if (distance !== "cosine") return;
  let square = 0;
  for (const value of vector) square += value * value;
  const scale = square === 0 ? 0 : 1 / Math.sqrt(square);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) * scale;
}
