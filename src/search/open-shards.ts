import { readFileSync } from "node:fs";
import { LRUCache } from "lru-cache";
import { isMosaicError, MosaicError, sha256 } from "../base/index.ts";
import type { DeletesRef, ObjectRef, ShardEntry } from "../manifest/index.ts";
import {
  DeadRows,
  type Kernel,
  type PartialFile,
  PartialShard,
  type ResidentCell,
  readRanks,
  ShardFile,
  type ShardReader,
  TermList,
  type VerifiedFiles,
} from "../shard/index.ts";
import type { FileNotice } from "./held-files.ts";

/** Where an object that a request names lies here: all of it, or the parts that were wanted so far. */
export type LocalPlace = string | PartialFile;
/** By key. */
export type LocalPaths = Readonly<Record<string, LocalPlace>>;

/** Decoded lists of terms of a thread's shards, the least recently used dropped first; by shard file's key and term. */
type TermLists = LRUCache<string, TermList>;

interface OpenParts {
  readonly place: LocalPlace;
  readonly kernel: Kernel;
  readonly mappedBytes: number;
  readonly lists: TermLists;
}

/** An open shard with the codes of its cells that are resident in the kernel. */
export class OpenShard {
  readonly file: ShardReader;
  /** What it was opened from: see `markOf`. */
  readonly mark: string;
  /** Of a whole file: who keeps files is told of it. */
  readonly path: string | undefined;
  readonly mappedBytes: number;
  readonly #kernel: Kernel;
  readonly #lists: TermLists;
  readonly #listsKey: string;
  readonly #cells = new Map<number, ResidentCell>();
  readonly #deadRows = new Map<string, DeadRows>();
  readonly #rowOf = new Map<string, number | undefined>();
  #lengths: Uint32Array | undefined;
  #ranks: { readonly key: string; readonly values: Float64Array } | undefined;

  constructor(file: ShardReader, { place, key, kernel, mappedBytes, lists }: OpenParts & { readonly key: string }) {
    this.file = file;
    this.#lists = lists;
    this.#listsKey = key;
    this.mark = markOf(place);
    this.path = typeof place === "string" ? place : undefined;
    this.mappedBytes = mappedBytes;
    this.#kernel = kernel;
  }

  resident(cell: number): ResidentCell | undefined {
    return this.#cells.get(cell);
  }

  load(cell: number, rows: number, codeBytes: number): ResidentCell {
    const loaded = this.#kernel.loadCell(this.file.codes(cell), this.file.codeScales(cell), rows, codeBytes);
    this.#cells.set(cell, loaded);
    return loaded;
  }

  /** The shard's dead rows at one generation; only the newest few are kept. */
  deadRows(deletes: DeletesRef, path: string): DeadRows {
    const known = this.#deadRows.get(deletes.key);
    if (known !== undefined) return known;
    const bytes = readObject(path, deletes.key);
    if (sha256(bytes) !== deletes.sha256) {
      throw new MosaicError("data", "read deletes", {
        code: "deletes_damaged",
        detail: "A shard's list of deleted rows is damaged; its documents are missing from this answer.",
        key: deletes.key,
        hint: "run: mosaic verify",
      });
    }
    const decoded = DeadRows.decode(bytes, deletes.key);
    if (this.#deadRows.size >= 4) this.#deadRows.clear();
    this.#deadRows.set(deletes.key, decoded);
    return decoded;
  }

  /** Ranks by row that lie beside the shard; kept, 8 bytes a row, the newest only. */
  ranks(ref: ObjectRef, path: string, { id, documents }: Pick<ShardEntry, "id" | "documents">): Float64Array {
    if (this.#ranks?.key === ref.key) return this.#ranks.values;
    if (sha256(readObject(path, ref.key)) !== ref.sha256) throw ranksDamaged(ref.key);
    const values = readRanks(path, id, documents);
    this.#ranks = { key: ref.key, values };
    return values;
  }

  /** Terms of each row; kept, 4 bytes a row. */
  lengths(): Uint32Array {
    this.#lengths ??= this.file.lengths();
    return this.#lengths;
  }

  /** The rows of a term, by number; kept while there is room. */
  list(term: number): TermList {
    const key = `${this.#listsKey} ${term}`;
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = TermList.decode(this.file.postings(term), this.lengths());
    this.#lists.set(key, list);
    return list;
  }

  /** The row of an id, if it has one here: remembered, because the tail asks for the same ids again with every query. */
  rowOf(id: string): number | undefined {
    if (this.#rowOf.has(id)) return this.#rowOf.get(id);
    const row = this.file.rowOf(id);
    if (this.#rowOf.size >= rememberedIds) this.#rowOf.clear();
    this.#rowOf.set(id, row);
    return row;
  }

  dropCells(): void {
    for (const cell of this.#cells.values()) this.#kernel.freeCell(cell);
    this.#cells.clear();
  }

  close(): void {
    this.dropCells();
    this.file.close();
  }
}

const rememberedIds = 20_000;
/** What a kept list takes beside its numbers: many terms are in few rows. */
const listOverheadBytes = 256;

const markOf = (place: LocalPlace): string => (typeof place === "string" ? place : `part ${place.serial}`);

function readObject(path: string, key: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new MosaicError("data", "read object", {
      code: "object_missing",
      detail: "An object that the manifest names is missing.",
      key,
      hint: "run: mosaic verify",
      cause,
    });
  }
}

const ranksDamaged = (key: string): MosaicError =>
  new MosaicError("data", "read ranks", {
    code: "ranks_damaged",
    detail: "The ranks of a shard are damaged; its documents are missing from this answer.",
    key,
    hint: "run: mosaic verify --repair",
  });

export interface OpenShardsOptions {
  readonly max: number;
  /** A connection that was not used for so long is closed, and its codes leave memory. */
  readonly idleMs: number;
  /** Files are mapped whole while all mapped ones together fit this; the others are read page by page. */
  readonly mmapMaxBytes: number;
  /** Memory for lists of terms. */
  readonly postingsMaxBytes: number;
  readonly kernel: Kernel;
  readonly verified: VerifiedFiles;
  /** Told of every local file that is opened or closed. */
  readonly onFile: (notice: FileNotice) => void;
}

/**
 * One thread's open shards: at most `max` read-only connections, the least recently used closed first. A connection
 * that failed is checked and opened again once before its error stands.
 */
export class OpenShards {
  readonly #open: LRUCache<string, OpenShard>;
  readonly #kernel: Kernel;
  readonly #verified: VerifiedFiles;
  readonly #mmapMaxBytes: number;
  readonly #onFile: (notice: FileNotice) => void;
  readonly #lists: TermLists;
  #mappedBytes = 0;

  constructor({ max, idleMs, mmapMaxBytes, postingsMaxBytes, kernel, verified, onFile }: OpenShardsOptions) {
    this.#lists = new LRUCache({
      maxSize: postingsMaxBytes,
      sizeCalculation: ({ bytes }) => bytes + listOverheadBytes,
    });
    this.#kernel = kernel;
    this.#verified = verified;
    this.#mmapMaxBytes = mmapMaxBytes;
    this.#onFile = onFile;
    const dispose = (shard: OpenShard): void => {
      this.#mappedBytes -= shard.mappedBytes;
      shard.close();
      if (shard.path !== undefined) onFile({ path: shard.path, open: false });
    };
    this.#open = new LRUCache({ max, ttl: idleMs, ttlAutopurge: true, updateAgeOnGet: true, dispose });
  }

  get size(): number {
    return this.#open.size;
  }

  get(ref: ObjectRef, place: LocalPlace): OpenShard {
    const known = this.#open.get(ref.key);
    // A file that was read in parts until now may have come whole.
    if (known?.mark === markOf(place)) return known;
    const opened = typeof place === "string" ? this.#openWhole(ref, place) : this.#openPart(ref, place);
    this.#open.set(ref.key, opened);
    if (opened.path !== undefined) this.#onFile({ path: opened.path, open: true });
    return opened;
  }

  #openWhole(ref: ObjectRef, path: string): OpenShard {
    this.#verified.check(path, ref);
    const mapped = this.#mappedBytes + ref.sizeBytes <= this.#mmapMaxBytes ? ref.sizeBytes : 0;
    const parts = { key: ref.key, place: path, kernel: this.#kernel, mappedBytes: mapped, lists: this.#lists };
    const opened = new OpenShard(ShardFile.open(path, mapped), parts);
    this.#mappedBytes += mapped;
    return opened;
  }

  #openPart({ key }: ObjectRef, part: PartialFile): OpenShard {
    const parts = { key, place: part, kernel: this.#kernel, mappedBytes: 0, lists: this.#lists };
    return new OpenShard(new PartialShard(part), parts);
  }

  /** Runs `task` on a shard; after a `data` error once more on a fresh connection, whose bytes were checked again. */
  use<T>(ref: ObjectRef, place: LocalPlace, task: (shard: OpenShard) => T): T {
    try {
      return task(this.get(ref, place));
    } catch (error) {
      if (!isMosaicError(error, "data") || !this.#open.has(ref.key)) throw error;
      this.#open.delete(ref.key);
      return task(this.get(ref, place));
    }
  }

  /** Closes the shard of a local file. */
  letGo(path: string): void {
    for (const key of [...this.#open.keys()]) if (this.#open.peek(key)?.path === path) this.#open.delete(key);
  }

  /** Frees resident codes of the least recently used shards until `bytes` fit, sparing `keep`. */
  makeRoom(bytes: number, keep: ReadonlySet<string>): boolean {
    for (const key of [...this.#open.rkeys()]) {
      if (this.#kernel.residentBytes + bytes <= this.#kernel.maxBytes) return true;
      if (!keep.has(key)) this.#open.peek(key)?.dropCells();
    }
    return this.#kernel.residentBytes + bytes <= this.#kernel.maxBytes;
  }

  close(): void {
    this.#open.clear();
  }
}
