import { join } from "node:path";
import { bisect, codeBits, encodeCell, normalised } from "../codes/index.ts";
import type { Kernel } from "../kernel/index.ts";
import { Bloom } from "../summary/bloom.ts";
import { encodeSummary } from "../summary/summary.ts";
import type { DeadRows } from "./bitmap.ts";
import { floatsOf, ShardFile } from "./reader.ts";
import { cellRows } from "./schema.ts";
import { type CellToWrite, type ShardRow, ShardWriter } from "./writer.ts";

/** What a build makes shards of: new rows, and the live rows of older shards. No id may come twice. */
export interface BuildInput {
  /** Existing local folder for the files. */
  readonly folder: string;
  /** Fresh ids for the shards to make. */
  readonly nextShardId: () => string;
  /** Null when the collection has no vector yet. */
  readonly dimensions: number | null;
  readonly distance: "cosine" | "l2" | "dot";
  readonly maxDocs: number;
  readonly maxBytes: number;
  readonly rows: readonly ShardRow[];
  readonly merge: readonly { readonly path: string; readonly dead: DeadRows }[];
  /** Ids whose rows in merged shards are out of date. */
  readonly superseded: ReadonlySet<string>;
}

export interface BuiltShard {
  readonly shard: string;
  readonly path: string;
  readonly summary: Uint8Array;
  readonly documents: number;
  readonly vectors: number;
  readonly cells: number;
  readonly createdAt: { readonly min: string; readonly max: string };
  /** True when rotation closed it: it is as full as the limits allow. */
  readonly full: boolean;
}

interface RowRef {
  /** Index into `merge`, or -1 for `rows`. */
  readonly source: number;
  readonly row: number;
  readonly bytes: number;
}

/** Rows with a vector, their vectors as searched in one matrix, and the rows without. */
interface Gathered {
  readonly refs: readonly RowRef[];
  readonly vectors: Float32Array;
  readonly plain: readonly RowRef[];
}

/** Bytes that a row adds to a file beside its texts and vectors: headers, indexes, rowids, factors. */
const rowOverheadBytes = 220;
/** A file's every table and index takes a page at least. */
const fileOverheadBytes = 20 * 16_384;
/** Rows don't divide pages evenly; measured on texts of 1 to 2 KiB with vectors. */
const pageFill = 0.9;

/** Synchronous and heavy: for a worker thread. Removes what it wrote when it fails. */
export function buildShards(input: BuildInput, kernel: Kernel): BuiltShard[] {
  const sources = input.merge.map(({ path }) => ShardFile.open(path));
  try {
    const gathered = gather(input, sources);
    const ordered = inCellOrder(input, gathered, kernel);
    const read = (ref: RowRef): ShardRow => readRow(input, sources, ref);
    return rotate(input, ordered, gathered.plain).map((part) => write(input, part, read, kernel));
  } finally {
    for (const source of sources) source.close();
  }
}

function readRow(input: BuildInput, sources: readonly ShardFile[], ref: RowRef): ShardRow {
  const row = ref.source < 0 ? input.rows[ref.row] : sources[ref.source]?.row(ref.row);
  if (row === undefined) throw new RangeError("a row that was gathered is gone");
  return row;
}

function gather(input: BuildInput, sources: readonly ShardFile[]): Gathered {
  const refs: RowRef[] = [];
  const plain: RowRef[] = [];
  const vectors: Float32Array[] = [];
  const add = (row: ShardRow, source: number, at: number): void => {
    const texts = row.text.length + row.metadata.length + 2 * row.id.length;
    // A vector is kept as float32, int8 and code: 4, 1 and 1/8 bytes a dimension.
    const bytes = Math.ceil((rowOverheadBytes + texts + (row.embedding?.byteLength ?? 0) * 1.29) / pageFill);
    const ref = { source, row: at, bytes };
    if (row.embedding === null) plain.push(ref);
    else {
      refs.push(ref);
      vectors.push(input.distance === "cosine" ? normalised(floatsOf(row.embedding)) : floatsOf(row.embedding).slice());
    }
  };
  input.rows.forEach((row, at) => add(row, -1, at));
  sources.forEach((source, index) => {
    const dead = input.merge[index]?.dead;
    for (const { id, row } of source.ids()) {
      if (!dead?.isDead(row) && !input.superseded.has(id)) add(source.row(row), index, row);
    }
  });
  const matrix = new Float32Array(vectors.length * (input.dimensions ?? 0));
  vectors.forEach((vector, at) => matrix.set(vector, at * vector.length));
  return { refs, vectors: matrix, plain };
}

interface Ordered {
  readonly refs: readonly RowRef[];
  readonly vectors: Float32Array;
}

function inCellOrder(input: BuildInput, gathered: Gathered, kernel: Kernel): Ordered {
  const dimensions = input.dimensions ?? 0;
  const { refs, vectors } = gathered;
  if (refs.length === 0) return gathered;
  const order = bisect(vectors, refs.length, dimensions, cellRows, kernel);
  const sorted = new Float32Array(vectors.length);
  order.forEach((from, to) =>
    sorted.set(vectors.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions),
  );
  return { refs: Array.from(order, (from) => refs[from] as RowRef), vectors: sorted };
}

interface Part {
  readonly refs: readonly RowRef[];
  readonly vectors: Float32Array;
  readonly plain: readonly RowRef[];
  readonly full: boolean;
}

/** Cuts at cell boundaries, so that no shard passes the limits (a single cell may, by bytes). */
function rotate(input: BuildInput, { refs, vectors }: Ordered, plain: readonly RowRef[]): Part[] {
  const dimensions = input.dimensions ?? 0;
  const all = [...refs, ...plain];
  const cuts = [0];
  let docs = 0;
  let bytes = fileOverheadBytes;
  for (let first = 0; first < all.length; ) {
    // Cells are counted from the first row with a vector; plain rows follow in runs of the same length.
    const inVectors = first < refs.length;
    const end = Math.min(first + cellRows, inVectors ? refs.length : all.length);
    const runBytes = all.slice(first, end).reduce((sum, ref) => sum + ref.bytes, 0);
    if (docs > 0 && (docs + end - first > input.maxDocs || bytes + runBytes > input.maxBytes)) {
      cuts.push(first);
      docs = 0;
      bytes = fileOverheadBytes;
    }
    docs += end - first;
    bytes += runBytes;
    first = end;
  }
  return cuts.map((from, at) => {
    const to = cuts[at + 1] ?? all.length;
    const split = Math.min(Math.max(refs.length, from), to);
    return {
      refs: all.slice(from, split),
      vectors: vectors.subarray(from * dimensions, split * dimensions),
      plain: all.slice(split, to),
      full: at + 1 < cuts.length,
    };
  });
}

function write(input: BuildInput, part: Part, read: (ref: RowRef) => ShardRow, kernel: Kernel): BuiltShard {
  const shard = input.nextShardId();
  const path = join(input.folder, `${shard}.db`);
  const dimensions = part.refs.length === 0 ? 0 : (input.dimensions ?? 0);
  const writer = new ShardWriter(path, {
    shard,
    documents: part.refs.length + part.plain.length,
    vectors: part.refs.length,
    dimensions,
    codeBits: codeBits(dimensions),
    distance: input.distance,
  });
  try {
    const { ids, createdAt } = writeRows(writer, [...part.refs, ...part.plain], read);
    const cells = encodeCells(part, dimensions, kernel);
    if (cells.length > 0) writer.cells(cells);
    writer.finish();
    return {
      shard,
      path,
      summary: summarise(shard, part, dimensions, cells, ids),
      documents: ids.length,
      vectors: part.refs.length,
      cells: cells.length,
      createdAt,
      full: part.full,
    };
  } catch (error) {
    writer.discard();
    throw error;
  }
}

function writeRows(
  writer: ShardWriter,
  refs: readonly RowRef[],
  read: (ref: RowRef) => ShardRow,
): { ids: string[]; createdAt: { min: string; max: string } } {
  const ids: string[] = [];
  let min = "";
  let max = "";
  for (const ref of refs) {
    const row = read(ref);
    ids.push(row.id);
    writer.row(ids.length, row);
    if (min === "" || row.createdAt < min) min = row.createdAt;
    if (row.createdAt > max) max = row.createdAt;
  }
  return { ids, createdAt: { min, max } };
}

function encodeCells(part: Part, dimensions: number, kernel: Kernel): CellToWrite[] {
  const cells: CellToWrite[] = [];
  for (let first = 0; first < part.refs.length; first += cellRows) {
    const rows = Math.min(cellRows, part.refs.length - first);
    const vectors = part.vectors.subarray(first * dimensions, (first + rows) * dimensions);
    const centroid = mean(vectors, rows, dimensions);
    const spread = rmsDistance(vectors, centroid, rows);
    cells.push({ rows, centroid, spread, ...encodeCell(vectors, centroid, dimensions, kernel) });
  }
  return cells;
}

function mean(vectors: Float32Array, rows: number, dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions);
  for (let at = 0; at < rows * dimensions; at++)
    sums[at % dimensions] = (sums[at % dimensions] ?? 0) + (vectors[at] ?? 0);
  return Float32Array.from(sums, (sum) => sum / rows);
}

function rmsDistance(vectors: Float32Array, centroid: Float32Array, rows: number): number {
  let sum = 0;
  for (let at = 0; at < vectors.length; at++) {
    const difference = (vectors[at] ?? 0) - (centroid[at % centroid.length] ?? 0);
    sum += difference * difference;
  }
  return Math.sqrt(sum / rows);
}

function summarise(
  shard: string,
  part: Part,
  dimensions: number,
  cells: readonly CellToWrite[],
  ids: readonly string[],
): Uint8Array {
  const centroids = new Float32Array(cells.length * dimensions);
  cells.forEach(({ centroid }, at) => centroids.set(centroid, at * dimensions));
  return encodeSummary({
    shard,
    documents: ids.length,
    vectors: part.refs.length,
    dimensions,
    cellRows: Uint16Array.from(cells, ({ rows }) => rows),
    centroids,
    spreads: Float32Array.from(cells, ({ spread }) => spread),
    ids: Bloom.of(ids, ids.length),
  });
}
