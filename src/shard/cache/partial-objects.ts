import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { MosaicError } from "../../base/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { PartialFile } from "../file/partial-shard.ts";
import type { EncodedLayout } from "../pages/layout.ts";
import { RangedSource } from "../pages/ranged-source.ts";
import { SparseFile } from "../pages/sparse-file.ts";
import { isLocalFault } from "./local-fault.ts";
import type { ImmutableRef, LocalObjects } from "./local-objects.ts";

export interface PartialObjectsOptions {
  readonly store: ObjectStore;
  readonly whole: LocalObjects;
  /** Folder of sparse copies; shared by processes that use the same one. */
  readonly folder: string;
  /** Of all sparse copies together; the least recently used go first, but none that a query is reading. */
  readonly maxBytes: number;
  /** Files up to this size are fetched whole at once. */
  readonly wholeFileBelow: number;
  /** A file is fetched whole, behind the queries, once so many bytes of it were fetched by range; 0: at once. */
  readonly wholeFileAfter: number;
}

/** Layouts that are remembered, of shards whose summaries were read; without one a file is fetched whole. */
const rememberedLayouts = 10_000;

/** Shard files as leaves read them: a local file, or the part of one that was wanted so far. */
export class PartialObjects {
  readonly #options: PartialObjectsOptions;
  readonly #layouts = new LRUCache<string, EncodedLayout>({ max: rememberedLayouts });
  /** Least recently used first. */
  readonly #copies = new Map<string, Copy>();
  /** Bytes of copies in the folder that nobody has asked for here: of earlier processes, and of others. The oldest first. */
  readonly #others = new Map<string, number>();
  #looked: Promise<void> | undefined;
  readonly #opening = new Map<string, Promise<Copy>>();
  readonly #completing = new Map<string, Promise<void>>();
  /** Copies that the disk did not take a block of. */
  readonly #unkept = new Set<string>();

  #nextSerial = 1;

  constructor(options: PartialObjectsOptions) {
    this.#options = options;
  }

  /** Tells where things lie in a shard's file. */
  note(key: string, layout: EncodedLayout): void {
    this.#layouts.set(key, layout);
  }

  /** True when `open` need not fetch the file whole for want of its layout. */
  async isReadable(ref: ImmutableRef): Promise<boolean> {
    const { wholeFileBelow, wholeFileAfter } = this.#options;
    if (this.#layouts.has(ref.key) || ref.sizeBytes <= wholeFileBelow || wholeFileAfter === 0) return true;
    return await this.#options.whole.has(ref);
  }

  /** The file's path when it is here, or is to be had whole; otherwise what is here of it. It stays as long as `pins`. */
  async open(ref: ImmutableRef, pins: DisposableStack): Promise<string | PartialFile> {
    const { whole, wholeFileBelow, wholeFileAfter } = this.#options;
    const layout = this.#layouts.get(ref.key);
    if (layout === undefined || ref.sizeBytes <= wholeFileBelow || wholeFileAfter === 0)
      return pins.use(await whole.pin(ref)).path;
    const here = await whole.find(ref);
    if (here !== undefined) return pins.use(here).path;
    const copy = this.#unkept.has(nameOf(ref)) ? undefined : await this.#copyOf(ref, layout);
    if (copy === undefined) return pins.use(await whole.pin(ref)).path;
    copy.readers++;
    pins.defer(() => this.#release(ref, copy));
    const { sparse } = copy.source;
    return { fd: sparse.fd, serial: copy.serial, present: sparse.present, layout };
  }

  /** One round of range requests: after it the blocks are here. Throws as `RangedSource.fetch` does. Only of an open file. */
  async fetch(ref: ImmutableRef, blocks: readonly number[], signal?: AbortSignal): Promise<void> {
    const copy = this.#copies.get(nameOf(ref));
    if (copy === undefined) throw new RangeError("blocks are wanted of a file that is not open");
    try {
      await copy.source.fetch(blocks, signal);
    } catch (error) {
      if (!isLocalFault(error)) throw error;
      this.#unkept.add(nameOf(ref));
      throw unkept(ref.key, error);
    }
    if (copy.source.fetchedBytes > this.#options.wholeFileAfter) this.#complete(ref);
  }

  #release(ref: ImmutableRef, copy: Copy): void {
    const name = nameOf(ref);
    copy.readers--;
    // The last to be used is the last to go.
    this.#copies.delete(name);
    this.#copies.set(name, copy);
    this.#shrink();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#copies.values()].map(({ source }) => source.close()));
  }

  /** Undefined when the folder does not take it. */
  async #copyOf(ref: ImmutableRef, { checks }: EncodedLayout): Promise<Copy | undefined> {
    const name = nameOf(ref);
    const known = this.#copies.get(name);
    if (known !== undefined) return known;
    const { store, folder } = this.#options;
    this.#looked ??= this.#look();
    await this.#looked;
    const opening =
      this.#opening.get(name) ??
      SparseFile.open(join(folder, name), ref.sizeBytes)
        .then((sparse) => {
          const source = new RangedSource(store, ref, checks, sparse);
          const copy = { source, serial: this.#nextSerial++, readers: 0, isWhole: false };
          this.#copies.set(name, copy);
          this.#others.delete(name);
          return copy;
        })
        .finally(() => this.#opening.delete(name));
    this.#opening.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      if (isLocalFault(error)) return undefined;
      throw error;
    }
  }

  async #look(): Promise<void> {
    const { folder } = this.#options;
    const names = await readdir(folder).catch(() => [] as string[]);
    const found = await Promise.all(
      names.map(async (name) => ({ name, stats: await stat(join(folder, name)).catch(() => undefined) })),
    );
    const oldestFirst = found.sort((a, b) => (a.stats?.mtimeMs ?? 0) - (b.stats?.mtimeMs ?? 0));
    for (const { name, stats } of oldestFirst)
      if (stats?.isFile() && name.endsWith(extension)) this.#others.set(name, stats.blocks * 512);
  }

  /**
   * Fetches the rest behind the queries, which go on by range meanwhile, and if it fails or finds no room in the cache: then
   * it is tried again after as many bytes.
   */
  #complete(ref: ImmutableRef): void {
    const name = nameOf(ref);
    const { whole } = this.#options;
    if (this.#completing.has(name) || !whole.fits(ref)) return;
    const completing = whole
      .pin(ref)
      .then(async (pin) => {
        pin.release();
        return await whole.has(ref);
      })
      .catch(() => false) // the ranges still serve
      .then((isWhole) => {
        this.#completing.delete(name);
        const copy = this.#copies.get(name);
        if (copy === undefined) return;
        copy.isWhole = isWhole;
        copy.source.fetchedBytes = 0;
        this.#shrink();
      });
    this.#completing.set(name, completing);
  }

  /** Resolves when no file is being fetched whole behind an answer. */
  async settled(): Promise<void> {
    await Promise.all(this.#completing.values());
  }

  /** Drops what is here whole, and while there is too much what nobody asks for, and the least recently used of the rest. */
  #shrink(): void {
    const { folder, maxBytes } = this.#options;
    let bytes = 0;
    for (const { source } of this.#copies.values()) bytes += source.sparse.presentBytes;
    for (const others of this.#others.values()) bytes += others;
    for (const [name, others] of [...this.#others]) {
      if (bytes <= maxBytes) break;
      bytes -= others;
      this.#others.delete(name);
      void remove(join(folder, name));
    }
    for (const [name, { source, readers, isWhole }] of [...this.#copies]) {
      if (readers > 0 || !(isWhole || bytes > maxBytes)) continue;
      bytes -= source.sparse.presentBytes;
      this.#copies.delete(name);
      void discard(source);
    }
  }
}

interface Copy {
  readonly source: RangedSource;
  readonly serial: number;
  readers: number;
  /** The file has come whole. */
  isWhole: boolean;
}

/** Code of the error for blocks that were fetched and could not be kept: open the file again, and it comes whole. */
export const partsUnkept = "parts_unkept";

const unkept = (key: string, cause: unknown): MosaicError =>
  new MosaicError("unavailable", "keep ranges", {
    code: partsUnkept,
    detail: "Parts of a shard file can't be kept here; its documents are missing from this answer.",
    key,
    hint: "look at the disk of CACHE_PATH",
    cause,
  });

const extension = ".sparse";
const nameOf = ({ sha256, sizeBytes }: ImmutableRef): string => `${sha256}-${sizeBytes}${extension}`;

/** A process that has it open goes on reading it. */
async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined); // it stays in the folder, of no use and no harm
}

async function discard(source: RangedSource): Promise<void> {
  await remove(source.sparse.path);
  await source.close();
}
