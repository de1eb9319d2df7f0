import { MosaicError } from "../../base/index.ts";
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
  /** cells × dimensions: the mean of each cell's vectors as searched (of unit length for cosine). */
  readonly centroids: Float32Array;
  /** Root mean square distance of a cell's vectors to its centroid. */
  readonly spreads: Float32Array;
  readonly ids: Bloom;
  /** Undefined in summaries of shards that were written before it was kept. */
  readonly values: ShardValues | undefined;
}

const magic = Buffer.from("MSU1");
const bytesOf = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** "MSU1" · u32 header length · header JSON with the length of each section · the sections: see docs/file-format.md. */
export function encodeSummary(summary: Summary): Uint8Array {
  const { shard, documents, vectors, dimensions, cellRows, centroids, spreads, ids, values } = summary;
  const encoded = values === undefined ? new Uint8Array(0) : encodeValues(values);
  const sections = { cellRows, centroids, spreads, ids: ids.bytes, values: encoded };
  const lengths = Object.fromEntries(Object.entries(sections).map(([name, view]) => [name, view.byteLength]));
  const header = Buffer.from(JSON.stringify({ format: 1, shard, documents, vectors, dimensions, lengths }));
  const head = Buffer.alloc(8);
  magic.copy(head);
  head.writeUInt32LE(header.length, 4);
  return Buffer.concat([head, header, ...Object.values(sections).map(bytesOf)]);
}

interface Header {
  readonly format: number;
  readonly shard: string;
  readonly documents: number;
  readonly vectors: number;
  readonly dimensions: number;
  readonly lengths: {
    readonly cellRows: number;
    readonly centroids: number;
    readonly spreads: number;
    readonly ids: number;
    readonly values?: number;
  };
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
  let at = start;
  // A copy of each section, because typed arrays need aligned offsets.
  const section = (length: number): ArrayBuffer => {
    const copy = new Uint8Array(length);
    copy.set(bytes.subarray(at, at + length));
    at += length;
    return copy.buffer;
  };
  const { shard, documents, vectors, dimensions, lengths } = header;
  const cellRows = new Uint16Array(section(lengths.cellRows));
  const centroids = new Float32Array(section(lengths.centroids));
  const spreads = new Float32Array(section(lengths.spreads));
  const ids = new Bloom(new Uint8Array(section(lengths.ids)));
  const values = decodeValues(Buffer.from(section(lengths.values ?? 0)));
  return Object.freeze({ shard, documents, vectors, dimensions, cellRows, centroids, spreads, ids, values });
}
