import { MosaicError } from "../../base/index.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";

/** Terms of a block: within one, a term is kept as what it does not share with the term before. */
const blockTerms = 32;
const magic = Buffer.from("MTE1");
/** Of one table: queries repeat their words. */
const rememberedTerms = 2000;

export interface TermEntry {
  readonly term: string;
  /** Rowid in the shard's `terms`: the place of the term in the order of UTF-8 bytes, from 1. */
  readonly number: number;
  /** Rows of the shard that hold it, dead ones included. */
  readonly documents: number;
}

/**
 * Which terms a shard holds and in how many rows: an object beside the shard's file, so that a query knows the statistics of
 * all shards, and which shards it need not touch, without their files. "MTE1" · u32 length of the header · header JSON
 * (`format`, `shard`, `terms`, `index` bytes) · index: per block its first term (varint length, bytes) and its offset (varint,
 * difference) · blocks: per term the bytes shared with the one before, the length of the rest (varints), the rest, documents.
 */
export class TermTable {
  readonly shard: string;
  /** Different terms. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly #firsts: readonly Uint8Array[];
  readonly #offsets: readonly number[];
  /** Terms that were asked for before. */
  readonly #known = new Map<string, TermEntry | undefined>();

  private constructor(shard: string, size: number, bytes: Uint8Array, firsts: Uint8Array[], offsets: number[]) {
    this.shard = shard;
    this.size = size;
    this.bytes = bytes;
    this.#firsts = firsts;
    this.#offsets = offsets;
  }

  /** `terms` in the order of their UTF-8 bytes. */
  static encode(shard: string, terms: Iterable<{ readonly term: string; readonly documents: number }>): Uint8Array {
    const index = new ByteWriter();
    const blocks = new ByteWriter();
    let [size, offset] = [0, 0];
    let before: Uint8Array = new Uint8Array();
    for (const { term, documents } of terms) {
      const bytes = Buffer.from(term);
      const first = size++ % blockTerms === 0;
      if (first) {
        index.varint(bytes.length);
        index.bytes(bytes);
        index.varint(blocks.length - offset);
        offset = blocks.length;
      }
      const shared = first ? 0 : sharedBytes(before, bytes);
      blocks.varint(shared);
      blocks.varint(bytes.length - shared);
      blocks.bytes(bytes.subarray(shared));
      blocks.varint(documents);
      before = bytes;
    }
    const header = Buffer.from(JSON.stringify({ format: 1, shard, terms: size, index: index.length }));
    const head = Buffer.alloc(8);
    magic.copy(head);
    head.writeUInt32LE(header.length, 4);
    return Buffer.concat([head, header, index.take(), blocks.take()]);
  }

  /** The bytes were compared with the manifest's checksum before; throws `data` when they are no such table all the same. */
  static decode(input: Uint8Array, key: string): TermTable {
    const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
    if (bytes.length < 8 || !bytes.subarray(0, 4).equals(magic)) throw damagedTable(key);
    const start = 8 + bytes.readUInt32LE(4);
    const header = JSON.parse(bytes.toString("utf8", 8, start)) as { shard: string; terms: number; index: number };
    const reader = new ByteReader(bytes, start);
    const firsts: Uint8Array[] = [];
    const offsets: number[] = [];
    let offset = start + header.index;
    while (reader.at < start + header.index) {
      const length = reader.varint();
      firsts.push(bytes.subarray(reader.at, reader.at + length));
      reader.at += length;
      offset += reader.varint();
      offsets.push(offset);
    }
    return new TermTable(header.shard, header.terms, bytes, firsts, offsets);
  }

  find(term: string): TermEntry | undefined {
    if (this.#known.has(term)) return this.#known.get(term);
    const found = this.#search(term);
    if (this.#known.size >= rememberedTerms) this.#known.clear();
    this.#known.set(term, found);
    return found;
  }

  #search(term: string): TermEntry | undefined {
    const wanted = Buffer.from(term);
    const block = this.#blockOf(wanted);
    if (block < 0) return undefined;
    for (const entry of this.#entriesOf(block)) if (entry.term === term) return entry;
    return undefined;
  }

  /** The terms that begin so, in order, at most `limit`. */
  beginning(prefix: string, limit: number): TermEntry[] {
    const wanted = Buffer.from(prefix);
    const found: TermEntry[] = [];
    for (let block = Math.max(0, this.#blockOf(wanted)); block < this.#offsets.length; block++) {
      for (const entry of this.#entriesOf(block)) {
        if (entry.term.startsWith(prefix)) found.push(entry);
        else if (Buffer.compare(Buffer.from(entry.term), wanted) > 0) return found;
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  *entries(): Generator<TermEntry> {
    for (let block = 0; block < this.#offsets.length; block++) yield* this.#entriesOf(block);
  }

  /** The last block whose first term is not after the wanted one; −1 when there is none. */
  #blockOf(wanted: Uint8Array): number {
    let [low, high] = [-1, this.#firsts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare(this.#firsts[middle] as Uint8Array, wanted) <= 0) low = middle;
      else high = middle;
    }
    return low;
  }

  *#entriesOf(block: number): Generator<TermEntry> {
    const reader = new ByteReader(this.bytes, this.#offsets[block]);
    const first = block * blockTerms;
    let before = Buffer.alloc(0);
    for (let number = first + 1; number <= Math.min(first + blockTerms, this.size); number++) {
      const shared = reader.varint();
      const length = reader.varint();
      before = Buffer.concat([before.subarray(0, shared), this.bytes.subarray(reader.at, reader.at + length)]);
      reader.at += length;
      yield { term: before.toString("utf8"), number, documents: reader.varint() };
    }
  }
}

function sharedBytes(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

const damagedTable = (key: string): MosaicError =>
  new MosaicError("data", "read terms", {
    code: "terms_damaged",
    detail: "The list of a shard's terms is damaged; the collection can't be searched by text without it.",
    key,
    hint: "run: mosaic verify --repair",
  });
