import { MosaicError } from "../../base/index.ts";
import type { EncodedLayout } from "../pages/layout.ts";
import { Bloom } from "./bloom.ts";
import { decodeValues, encodeValues, type ShardValues } from "./values.ts";

/** What routing knows of a shard without opening it. Frozen; read whole and kept in memory. */
export interface Summary {
  readonly shard: string;
  readonly documents: number;
  readonly vectors: number;
  /** 0 when no row has a vector. */
  readonly dimensions: number;
  /** Rows of each cell; cell c holds the rows that follow those of the cells before it. */
  readonly cellRows: Uint16Array;
  /** cells × dimensions: the mean of each cell's vectors as searched (of unit length for cosine), to 8 bits a number. */
  readonly centroids: Float32Array;
  /** Root mean square distance of a cell's vectors to its centroid. */
  readonly spreads: Float32Array;
  readonly ids: Bloom;
  readonly values: ShardValues;
  /** Terms of all its texts, repeated ones as often as they occur. */
  readonly terms: number;
  /** Names of its columns of codes, in the order of their numbers (from 1). */
  readonly columns: readonly string[];
  /** Where things lie in the file; without it the file can only be read whole. */
  readonly layout?: EncodedLayout | undefined;
}

const magic = Buffer.from("MSU3");
const bytesOf = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** "MSU3" · u32 header length · header JSON with the length of each section · the sections: see docs/file-format.md. */
export function encodeSummary(summary: Summary): Uint8Array {
  const { shard, documents, vectors, dimensions, cellRows, spreads, ids, layout, values, terms, columns } = summary;
  const { centroids, scales } = quantised(summary);
  const { places, checks } = layout ?? { places: new Uint8Array(), checks: new Uint8Array() };
  const sections = {
    cellRows,
    centroids,
    scales,
    spreads,
    ids: ids.bytes,
    places,
    checks,
    values: encodeValues(values),
  };
  const lengths = Object.fromEntries(Object.entries(sections).map(([name, view]) => [name, view.byteLength]));
  const counts = { shard, documents, vectors, dimensions, terms };
  // A file of format 3 has no columns, and its summary is written as it was then: verify compares bytes.
  const format = columns.length === 0 ? { format: 3, ...counts } : { format: 4, ...counts, columns };
  const header = Buffer.from(JSON.stringify({ ...format, lengths }));
  const head = Buffer.alloc(8);
  magic.copy(head);
  head.writeUInt32LE(header.length, 4);
  return Buffer.concat([head, header, ...Object.values(sections).map(bytesOf)]);
}

const sectionNames = ["cellRows", "centroids", "scales", "spreads", "ids", "places", "checks", "values"] as const;

interface Header {
  readonly format: number;
  readonly shard: string;
  readonly documents: number;
  readonly vectors: number;
  readonly dimensions: number;
  readonly terms: number;
  /** Since format 4. */
  readonly columns?: readonly string[];
  readonly lengths: Readonly<Record<(typeof sectionNames)[number], number>>;
}

/** Each centroid as int8 and a scale: its largest number is ±127. An error of a hundredth of what codes estimate with. */
function quantised({ centroids: exact, dimensions }: Summary): { centroids: Int8Array; scales: Float32Array } {
  const scales = new Float32Array(dimensions === 0 ? 0 : exact.length / dimensions);
  const centroids = new Int8Array(exact.length);
  for (let cell = 0; cell < scales.length; cell++) {
    const centroid = exact.subarray(cell * dimensions, (cell + 1) * dimensions);
    const scale = centroid.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    scales[cell] = scale;
    if (scale > 0)
      centroids.set(
        centroid.map((value) => Math.round(value / scale)),
        cell * dimensions,
      );
  }
  return { centroids, scales };
}

function restored(values: Int8Array, scales: Float32Array): Float32Array {
  const dimensions = values.length / Math.max(1, scales.length);
  const centroids = new Float32Array(values.length);
  for (let cell = 0, at = 0; cell < scales.length; cell++) {
    const scale = scales[cell] as number;
    for (const end = at + dimensions; at < end; at++) centroids[at] = (values[at] as number) * scale;
  }
  return centroids;
}

/** The bytes were compared with the manifest's checksum before; throws `data` when they are no summary all the same. */
export function decodeSummary(input: Uint8Array, key: string): Summary {
  const bytes = bytesOf(input);
  if (bytes.length < 8 || !bytes.subarray(0, 4).equals(magic)) {
    throw new MosaicError("data", "read summary", {
      code: "summary_damaged",
      detail: "The summary of a shard is damaged; the collection can't be searched without it.",
      key,
      hint: "run: mosaic verify",
    });
  }
  const start = 8 + bytes.readUInt32LE(4);
  const header = JSON.parse(bytes.toString("utf8", 8, start)) as Header;
  const { shard, documents, vectors, dimensions, terms, columns = [], lengths } = header;
  let at = start;
  // Copies: typed arrays need aligned offsets, and other threads read the layout.
  const section = <Memory extends ArrayBuffer | SharedArrayBuffer>(length: number, copy: Memory): Memory => {
    new Uint8Array(copy).set(bytes.subarray(at, at + length));
    at += length;
    return copy;
  };
  const own = (length: number): ArrayBuffer => section(length, new ArrayBuffer(length));
  const shared = (length: number): Uint8Array => new Uint8Array(section(length, new SharedArrayBuffer(length)));
  const cellRows = new Uint16Array(own(lengths.cellRows));
  const centroids = new Int8Array(own(lengths.centroids));
  const scales = new Float32Array(own(lengths.scales));
  const spreads = new Float32Array(own(lengths.spreads));
  const ids = new Bloom(new Uint8Array(own(lengths.ids)));
  const layout = { places: shared(lengths.places), checks: shared(lengths.checks) };
  const values = decodeValues(Buffer.from(own(lengths.values)));
  return Object.freeze({
    shard,
    documents,
    vectors,
    dimensions,
    cellRows,
    centroids: restored(centroids, scales),
    spreads,
    ids,
    values,
    terms,
    columns,
    layout: lengths.places === 0 ? undefined : layout,
  });
}
