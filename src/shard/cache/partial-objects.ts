import { rm } from "node:fs/promises";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import type { ObjectStore } from "../../store/index.ts";
import type { PartialFile } from "../file/partial-shard.ts";
import type { EncodedLayout } from "../pages/layout.ts";
import { RangedSource } from "../pages/ranged-source.ts";
import { SparseFile } from "../pages/sparse-file.ts";
import type { ImmutableRef, LocalObjects } from "./local-objects.ts";

export interface PartialObjectsOptions {
  readonly store: ObjectStore;
  readonly whole: LocalObjects;
  /** Folder of sparse copies; shared by processes that use the same one. */
  readonly folder: string;
  /** Of all sparse copies together; the least recently used go first. */
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
  readonly #sources: LRUCache<string, RangedSource>;
  readonly #opening = new Map<string, Promise<RangedSource>>();
  readonly #completing = new Set<string>();

  constructor(options: PartialObjectsOptions) {
    this.#options = options;
    this.#sources = new LRUCache({ maxSize: options.maxBytes, dispose: (source) => void discard(source) });
  }

  /** Tells where things lie in a shard's file. */
  note(key: string, layout: EncodedLayout): void {
    this.#layouts.set(key, layout);
  }

  /** The file's path when it is here, or is to be had whole; otherwise what is here of it. */
  async open(ref: ImmutableRef): Promise<string | PartialFile> {
    const { whole, wholeFileBelow, wholeFileAfter } = this.#options;
    const layout = this.#layouts.get(ref.key);
    if (layout === undefined || ref.sizeBytes <= wholeFileBelow || wholeFileAfter === 0) return await whole.path(ref);
    const path = await whole.find(ref);
    if (path !== undefined) return path;
    const { sparse } = await this.#sourceOf(ref, layout);
    return { path: sparse.path, present: sparse.present, layout };
  }

  /** One round of range requests: after it the blocks are here. Throws as `RangedSource.fetch` does. */
  async fetch(ref: ImmutableRef, blocks: readonly number[], signal?: AbortSignal): Promise<void> {
    const layout = this.#layouts.get(ref.key);
    if (layout === undefined) return;
    const source = await this.#sourceOf(ref, layout);
    await source.fetch(blocks, signal);
    const name = nameOf(ref);
    if (this.#sources.peek(name) === source) this.#sources.set(name, source, { size: sizeOf(source) });
    if (source.fetchedBytes > this.#options.wholeFileAfter) this.#complete(ref, name);
  }

  async close(): Promise<void> {
    const sources = [...this.#sources.values()];
    await Promise.all(sources.map((source) => source.close()));
  }

  async #sourceOf(ref: ImmutableRef, { checks }: EncodedLayout): Promise<RangedSource> {
    const name = nameOf(ref);
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const { store, folder } = this.#options;
    const opening =
      this.#opening.get(name) ??
      SparseFile.open(join(folder, name), ref.sizeBytes)
        .then((sparse) => {
          const source = new RangedSource(store, ref, checks, sparse);
          this.#sources.set(name, source, { size: sizeOf(source) });
          return source;
        })
        .finally(() => this.#opening.delete(name));
    this.#opening.set(name, opening);
    return await opening;
  }

  /** Fetches the rest behind the queries, which go on by range meanwhile and if it fails. */
  #complete(ref: ImmutableRef, name: string): void {
    if (this.#completing.has(name)) return;
    this.#completing.add(name);
    this.#options.whole
      .path(ref)
      .then(() => this.#sources.delete(name))
      .catch(() => undefined) // the ranges still serve; the next one that is fetched tries again
      .finally(() => this.#completing.delete(name));
  }
}

const nameOf = ({ sha256, sizeBytes }: ImmutableRef): string => `${sha256}-${sizeBytes}.sparse`;
const sizeOf = ({ sparse }: RangedSource): number => Math.max(1, sparse.presentBytes);

/** Who has it open goes on reading it. */
async function discard(source: RangedSource): Promise<void> {
  await rm(source.sparse.path, { force: true }).catch(() => undefined); // it stays in the folder, of no use and no harm
  await source.close();
}
