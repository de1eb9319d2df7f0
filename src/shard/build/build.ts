import { join } from "node:path";
import { Analyzer } from "../../text/index.ts";
import { bisect, codeBits, encodeCell } from "../codes/index.ts";
import type { DeadRows } from "../file/bitmap.ts";
import { cellRows } from "../file/schema.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { Bloom } from "../summary/bloom.ts";
import { encodeSummary, type Summary } from "../summary/summary.ts";
import { plainKeys, type ShardValues, ValueCollector } from "../summary/values.ts";
import { type IndexedTerm, InvertedIndex } from "../terms/inverted-index.ts";
import { TermTable } from "../terms/term-table.ts";
import { layoutOf } from "./layout.ts";
import { permuteRows } from "./permute-rows.ts";
import { type Gathered, type RowRef, type RowSource, RowSources, rowBytes, vectorsOf } from "./rows.ts";
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
  /** Of the texts: how their words become terms. */
  readonly language: string;
  readonly rows: readonly ShardRow[];
  readonly merge: readonly (RowSource & { readonly dead: DeadRows })[];
  /** Ids whose rows in merged shards are out of date. */
  readonly superseded: ReadonlySet<string>;
}

export interface BuiltShard {
  readonly shard: string;
  readonly path: string;
  readonly summary: Uint8Array;
  /** The table of its terms: see `TermTable`. */
  readonly terms: Uint8Array;
  readonly documents: number;
  readonly vectors: number;
  readonly cells: number;
  readonly createdAt: { readonly min: string; readonly max: string };
  /** True when rotation closed it: it is as full as the limits allow. */
  readonly full: boolean;
}

/** A file's every table and index takes a page at least. */
const fileOverheadBytes = 20 * 16_384;

/** Synchronous and heavy: for a worker thread. Removes what it wrote when it fails. */
export function buildShards(input: BuildInput, kernel: Kernel): BuiltShard[] {
  const sources = new RowSources(input.merge, input.rows);
  try {
    return buildGathered(input, gather(input, sources), sources, kernel);
  } finally {
    sources.close();
  }
}

/** What a build needs to know beside its rows. */
export type BuildShape = Pick<
  BuildInput,
  "folder" | "nextShardId" | "dimensions" | "distance" | "maxDocs" | "maxBytes" | "language"
>;

/** Shards of rows that were gathered: put into cells, cut at the limits, written. The gathered vectors are used up. */
export function buildGathered(
  shape: BuildShape,
  gathered: Gathered,
  sources: RowSources,
  kernel: Kernel,
): BuiltShard[] {
  const ordered = inCellOrder(shape, gathered, kernel);
  const read = (ref: RowRef): ShardRow => sources.read(ref);
  return rotate(shape, ordered, gathered.plain).map((part) => write(shape, part, read, kernel));
}

function gather({ dimensions, distance, rows, merge, superseded }: BuildInput, sources: RowSources): Gathered {
  const refs: RowRef[] = [];
  const plain: RowRef[] = [];
  const add = (row: ShardRow, source: number, at: number): void => {
    (row.embedding === null ? plain : refs).push({ source, row: at, bytes: rowBytes(row) });
  };
  rows.forEach((row, at) => add(row, -1, at));
  sources.files.forEach((file, source) => {
    const dead = merge[source]?.dead;
    for (const { id, row } of file.ids()) {
      if (!dead?.isDead(row) && !superseded.has(id)) add(file.row(row), source, row);
    }
  });
  return { refs, vectors: vectorsOf(sources, refs, dimensions ?? 0, distance), plain };
}

interface Ordered {
  readonly refs: readonly RowRef[];
  readonly vectors: Float32Array;
}

function inCellOrder(shape: BuildShape, gathered: Gathered, kernel: Kernel): Ordered {
  const dimensions = shape.dimensions ?? 0;
  const { refs, vectors } = gathered;
  if (refs.length === 0) return gathered;
  const order = bisect(vectors, refs.length, dimensions, cellRows, kernel);
  permuteRows(vectors, order, dimensions);
  return { refs: Array.from(order, (from) => refs[from] as RowRef), vectors };
}

interface Part {
  readonly refs: readonly RowRef[];
  readonly vectors: Float32Array;
  readonly plain: readonly RowRef[];
  readonly full: boolean;
}

/** Cuts at cell boundaries, so that no shard passes the limits (a single cell may, by bytes). */
function rotate(input: BuildShape, { refs, vectors }: Ordered, plain: readonly RowRef[]): Part[] {
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

function write(input: BuildShape, part: Part, read: (ref: RowRef) => ShardRow, kernel: Kernel): BuiltShard {
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
    const index = new InvertedIndex((text) => Analyzer.of(input.language).terms(text));
    const { ids, createdAt, values } = writeRows(writer, [...part.refs, ...part.plain], read, index);
    const cells = writeCells(writer, part, dimensions, kernel);
    const terms = writeTerms(writer, index);
    const columns = writer.columns(values);
    writer.finish(plainKeys(values));
    return {
      shard,
      path,
      summary: summarise(path, shard, part, dimensions, cells, ids, { values, terms: index.total, columns }),
      terms: TermTable.encode(shard, terms),
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
  index: InvertedIndex,
): { ids: string[]; createdAt: { min: string; max: string }; values: ShardValues } {
  const ids: string[] = [];
  const values = new ValueCollector();
  let min = "";
  let max = "";
  for (const ref of refs) {
    const row = read(ref);
    ids.push(row.id);
    writer.row(ids.length, row);
    values.add(row);
    index.add(row.text);
    if (min === "" || row.createdAt < min) min = row.createdAt;
    if (row.createdAt > max) max = row.createdAt;
  }
  return { ids, createdAt: { min, max }, values: values.values() };
}

/** Writes the index of terms; of each term, what the table of terms says of it. */
function writeTerms(writer: ShardWriter, index: InvertedIndex): Pick<IndexedTerm, "term" | "documents">[] {
  const written: Pick<IndexedTerm, "term" | "documents">[] = [];
  const noted = function* (): Generator<IndexedTerm> {
    for (const one of index.terms()) {
      written.push({ term: one.term, documents: one.documents });
      yield one;
    }
  };
  writer.terms(noted(), index.lengths());
  return written;
}

/** What the summary says of a cell. */
type CellShape = Pick<CellToWrite, "rows" | "centroid" | "spread">;

/** Encodes and writes the cells one after the other: codes of all of them at once would be a third of the vectors again. */
function writeCells(writer: ShardWriter, part: Part, dimensions: number, kernel: Kernel): readonly CellShape[] {
  const shapes: CellShape[] = [];
  const noted = function* (): Generator<CellToWrite> {
    for (const cell of encodeCells(part, dimensions, kernel)) {
      const { rows, centroid, spread } = cell;
      shapes.push({ rows, centroid, spread });
      yield cell;
    }
  };
  if (part.refs.length > 0) writer.cells(noted());
  return shapes;
}

function* encodeCells(part: Part, dimensions: number, kernel: Kernel): Generator<CellToWrite> {
  for (let first = 0; first < part.refs.length; first += cellRows) {
    const rows = Math.min(cellRows, part.refs.length - first);
    const vectors = part.vectors.subarray(first * dimensions, (first + rows) * dimensions);
    const centroid = mean(vectors, rows, dimensions);
    const spread = rmsDistance(vectors, centroid, rows);
    yield { rows, centroid, spread, ...encodeCell(vectors, centroid, dimensions, kernel) };
  }
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
  path: string,
  shard: string,
  part: Part,
  dimensions: number,
  cells: readonly CellShape[],
  ids: readonly string[],
  about: Pick<Summary, "values" | "terms" | "columns">,
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
    ...about,
    layout: layoutOf(path),
  });
}
