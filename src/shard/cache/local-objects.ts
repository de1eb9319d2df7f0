import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { MosaicError, type Random, sha256, sha256OfFile } from "../../base/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { VerifiedFiles } from "../file/verified.ts";

export interface LocalObjectsOptions {
  readonly store: ObjectStore;
  readonly random: Random;
  /** Told of files whose bytes were compared with their checksum here. */
  readonly verified: VerifiedFiles;
  /** Folder of downloaded files; shared by processes that use the same one. */
  readonly folder: string;
  readonly maxBytes: number;
  /** Told of every object that was found in the folder. */
  readonly onHit: () => void;
}

/** Local files of immutable objects, for who builds shards from them. */
export type ObjectFiles = Pick<LocalObjects, "path" | "trust" | "drop">;

export interface ImmutableRef {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Local files of immutable objects: the store's own file where it has one, otherwise a download that is kept, named by
 * its checksum, until the bound pushes it out. A file that is open when it is pushed out stays readable to who has it.
 */
export class LocalObjects {
  readonly #options: LocalObjectsOptions;
  readonly #files: LRUCache<string, string>;
  readonly #underWay = new Map<string, Promise<string>>();
  #scanned: Promise<void> | undefined;

  constructor(options: LocalObjectsOptions) {
    this.#options = options;
    this.#files = new LRUCache({
      maxSize: options.maxBytes,
      sizeCalculation: (_path, name) => Math.max(1, Number(name.split("-")[1] ?? 1)),
      dispose: (path, _name, reason) => {
        if (reason === "evict") void rm(path, { force: true });
      },
    });
  }

  get bytes(): number {
    return this.#files.calculatedSize;
  }
  get count(): number {
    return this.#files.size;
  }

  /** Path of a file with exactly the object's bytes. Throws `data` when the object is missing or damaged. */
  async path(ref: ImmutableRef): Promise<string> {
    const here = await this.find(ref);
    if (here !== undefined) return here;
    const name = nameOf(ref);
    const running = this.#underWay.get(name) ?? this.#download(ref, name);
    this.#underWay.set(name, running);
    return await running;
  }

  /** The same when the file is here already; asks storage for nothing. */
  async find(ref: ImmutableRef): Promise<string | undefined> {
    const inPlace = this.#options.store.localPath(ref.key);
    if (inPlace !== undefined) return inPlace;
    this.#scanned ??= this.#scan();
    await this.#scanned;
    const kept = this.#files.get(nameOf(ref));
    if (kept === undefined || !(await exists(kept))) return undefined;
    this.#options.onHit();
    return kept;
  }

  /** Drops a copy that turned out not to hold what it should; false when there is none to drop. */
  async drop(ref: ImmutableRef): Promise<boolean> {
    const name = nameOf(ref);
    const path = this.#files.get(name);
    if (path === undefined) return false;
    this.#files.delete(name);
    await rm(path, { force: true });
    return true;
  }

  /** Notes that this process has just written the object from bytes with this checksum. */
  trust(ref: ImmutableRef): void {
    const path = this.#options.store.localPath(ref.key);
    if (path !== undefined) this.#options.verified.trust(path, ref);
  }

  async #download(ref: ImmutableRef, name: string): Promise<string> {
    const { store, folder, random } = this.#options;
    const path = join(folder, name);
    const temporary = `${path}.${random.nonce(6)}.part`;
    try {
      await mkdir(folder, { recursive: true });
      const info = await store.download(ref.key, temporary);
      if (info === undefined) throw missing(ref.key);
      if ((await sha256OfFile(temporary)) !== ref.sha256) throw changed(ref.key);
      await rename(temporary, path);
      this.#options.verified.trust(path, ref);
      this.#files.set(name, path);
      return path;
    } finally {
      this.#underWay.delete(name);
      await rm(temporary, { force: true });
    }
  }

  /** Takes over what an earlier process left in the folder. */
  async #scan(): Promise<void> {
    const names = await readdir(this.#options.folder).catch(() => [] as string[]);
    for (const name of names) {
      if (/^[0-9a-f]{64}-\d+$/.test(name)) this.#files.set(name, join(this.#options.folder, name));
    }
  }
}

const nameOf = ({ sha256, sizeBytes }: ImmutableRef): string => `${sha256}-${sizeBytes}`;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const missing = (key: string): MosaicError =>
  new MosaicError("data", "fetch object", {
    code: "object_missing",
    detail: "An object that the manifest names is missing.",
    key,
    hint: "run: mosaic verify",
  });

const changed = (key: string): MosaicError =>
  new MosaicError("data", "fetch object", {
    code: "shard_damaged",
    detail: "A stored object does not match its checksum; its documents are missing from this answer.",
    key,
    hint: "run: mosaic verify",
  });

/** A small object's bytes, compared with its checksum. */
export async function readChecked(store: ObjectStore, ref: ImmutableRef): Promise<Uint8Array> {
  const got = await store.get(ref.key);
  if (got.status !== "found") throw missing(ref.key);
  if (sha256(got.bytes) !== ref.sha256) throw changed(ref.key);
  return got.bytes;
}
