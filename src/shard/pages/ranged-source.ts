import { crc32 } from "node:zlib";
import { MosaicError } from "../../base/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import { blockBytes } from "./layout.ts";
import { type PageRun, runsOf } from "./page-source.ts";
import type { SparseFile } from "./sparse-file.ts";

export interface RangedObject {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Blocks between two wanted ones that are read for nothing, where that saves a request. */
const gapBlocks = 1;
/** A longer run is asked for in parts, at the same time: a connection carries only so much. */
const requestBlocks = 64;

/**
 * Fetches blocks of one immutable object into its sparse copy, by range requests side by side. Every block is compared
 * with its CRC-32 of `checks` before it is kept.
 */
export class RangedSource {
  readonly sparse: SparseFile;
  readonly #store: ObjectStore;
  readonly #object: RangedObject;
  readonly #checks: Uint32Array;
  readonly #underWay = new Map<number, Promise<void>>();
  /** Bytes that were fetched by range so far. */
  fetchedBytes = 0;

  constructor(store: ObjectStore, object: RangedObject, checks: Uint8Array, sparse: SparseFile) {
    this.#store = store;
    this.#object = object;
    this.#checks = new Uint32Array(checks.slice().buffer);
    this.sparse = sparse;
  }

  /**
   * After this the blocks are in the sparse copy. One round. Throws `data` when the object is missing (object_missing) or
   * a wanted block is damaged (shard_damaged), and what the store throws; then other blocks may be there all the same.
   */
  async fetch(blocks: readonly number[], signal?: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#fetchOnce(blocks, signal);
      } catch (error) {
        // Somebody else's signal ended a request that this one was waiting for as well.
        if (!isAbort(error) || signal?.aborted === true) throw error;
      }
    }
  }

  async #fetchOnce(blocks: readonly number[], signal?: AbortSignal): Promise<void> {
    const absent = blocks.filter((block) => !this.sparse.has(block));
    const wanted = new Set(absent.filter((block) => !this.#underWay.has(block)));
    for (const run of runsOf([...wanted], gapBlocks).flatMap(inParts)) {
      const own = blocksOf(run).filter((block) => wanted.has(block));
      const task = this.#fetchRun(run, wanted, signal).finally(() => {
        for (const block of own) this.#underWay.delete(block);
      });
      task.catch(() => undefined); // whoever waits below is told
      for (const block of own) this.#underWay.set(block, task);
    }
    await Promise.all(absent.map((block) => this.#underWay.get(block)));
  }

  /** Lets go of the sparse copy once nothing is being written to it. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
    await this.sparse.close();
  }

  async #fetchRun({ first, count }: PageRun, wanted: ReadonlySet<number>, signal?: AbortSignal): Promise<void> {
    const { key, sizeBytes } = this.#object;
    const range = { start: first * blockBytes, end: Math.min((first + count) * blockBytes, sizeBytes) };
    const got = await this.#store.get(key, signal === undefined ? { range } : { range, signal });
    if (got.status !== "found") throw missing(key);
    this.fetchedBytes += got.bytes.length;
    const good: number[] = [];
    for (let block = first; block < first + count; block++) {
      if (this.#isGood(block, partOf(got.bytes, block - first))) good.push(block);
      else if (wanted.has(block)) throw damagedBlock(key, block);
    }
    for (const run of runsOf(good)) {
      const start = (run.first - first) * blockBytes;
      await this.sparse.write(run.first, got.bytes.subarray(start, start + run.count * blockBytes));
    }
  }

  #isGood(block: number, bytes: Uint8Array): boolean {
    const length = Math.min(blockBytes, this.#object.sizeBytes - block * blockBytes);
    return bytes.length === length && crc32(bytes) === this.#checks[block];
  }
}

const partOf = (bytes: Uint8Array, block: number): Uint8Array =>
  bytes.subarray(block * blockBytes, (block + 1) * blockBytes);

const blocksOf = ({ first, count }: PageRun): readonly number[] => Array.from({ length: count }, (_, at) => first + at);

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

function inParts({ first, count }: PageRun): readonly PageRun[] {
  return Array.from({ length: Math.ceil(count / requestBlocks) }, (_, part) => ({
    first: first + part * requestBlocks,
    count: Math.min(requestBlocks, count - part * requestBlocks),
  }));
}

const missing = (key: string): MosaicError =>
  new MosaicError("data", "fetch ranges", {
    code: "object_missing",
    detail: "An object that the manifest names is missing.",
    key,
    hint: "run: mosaic verify",
  });

const damagedBlock = (key: string, block: number): MosaicError =>
  new MosaicError("data", "fetch ranges", {
    code: "shard_damaged",
    detail: "A part of a shard file does not match its checksum; its documents are missing from this answer.",
    key,
    hint: `block ${block} of ${blockBytes} bytes; run: mosaic verify`,
  });
