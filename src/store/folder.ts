import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { copyFile, type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Clock, MosaicError, type Random, systemClock, systemRandom } from "../base/index.ts";
import { failure, noObject } from "./folder-failure.ts";
import { keysBelow } from "./folder-keys.ts";
import { FolderLock } from "./folder-lock.ts";
import { contentTag, FolderTags, hashedBytes, tagOf } from "./folder-tags.ts";
import { checkKey, objectNotFound, preconditionFailed } from "./keys.ts";
import type {
  CopyOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
  RestoreOptions,
} from "./object-store.ts";
import { resolveRange } from "./range.ts";

/** Hidden folders of the store's own; object keys can't begin with a dot here. */
const workFolder = ".mosaic";
/** No write takes this long; older temporary files belong to nobody. */
const abandonedMs = 24 * 60 * 60 * 1000;

/**
 * Objects as files below a folder. A put writes a temporary file, syncs it, links or renames it into place and syncs the
 * folder; conditional puts of one key take turns under a lock that the kernel releases when its holder dies.
 */
export class FolderStore implements ObjectStore {
  readonly description: string;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lock: FolderLock;
  #prepared: Promise<void> | undefined;
  readonly #tags: FolderTags;

  constructor(
    root: string,
    { clock = systemClock, random = systemRandom }: { readonly clock?: Clock; readonly random?: Random } = {},
  ) {
    this.#root = resolve(root);
    this.description = `folder ${root}`;
    this.#clock = clock;
    this.#random = random;
    this.#tags = new FolderTags(clock);
    this.#lock = new FolderLock(join(this.#root, workFolder, "locks"), clock, random);
  }

  async get(key: string, { range, ifNoneMatch }: GetOptions = {}): Promise<GetResult> {
    const path = this.#path(key);
    // Synchronous on purpose: these are a few microseconds each, and a trip to the thread pool is not.
    const file = openIfThere(path, key);
    if (file === undefined) return { status: "absent" };
    try {
      const stats = fstatSync(file, { bigint: true });
      if (!stats.isFile()) return { status: "absent" };
      const known = this.#tags.known(path, stats);
      if (known !== undefined && known === ifNoneMatch) return { status: "not_modified" };
      const sizeBytes = Number(stats.size);
      const whole = known === undefined && sizeBytes <= hashedBytes;
      const { start, length } = resolveRange(whole ? undefined : range, sizeBytes);
      const bytes = readFully(file, start, length);
      const etag = known ?? this.#tags.remember(path, stats, whole ? bytes : undefined);
      if (etag === ifNoneMatch) return { status: "not_modified" };
      const wanted = resolveRange(range, sizeBytes);
      const part = whole ? bytes.subarray(wanted.start, wanted.start + wanted.length) : bytes;
      return { status: "found", bytes: part, info: infoOf(key, stats, etag) };
    } catch (error) {
      throw failure("read object", key, error);
    } finally {
      closeSync(file);
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const got = await this.get(key, { range: { start: 0, end: 0 } });
    return got.status === "found" ? got.info : undefined;
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    const path = this.#path(key);
    const temporary = join(this.#root, workFolder, "tmp", this.#random.nonce(12));
    try {
      const etag = await this.#writeTemporary(temporary, body);
      if (options.ifMatch === undefined) await this.#place(temporary, path, key, options);
      else await this.#lock.hold(key, () => this.#swap(temporary, path, key, options.ifMatch as string));
      return { etag };
    } catch (error) {
      throw failure("put object", key, error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async *list(
    prefix: string,
    { startAfter = "", limit = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncIterable<ObjectInfo> {
    let left = limit;
    if (left <= 0) return;
    for await (const key of keysBelow(this.#root, "", prefix, startAfter)) {
      const info = await this.head(key);
      if (info === undefined) continue;
      yield info;
      if (--left <= 0) return;
    }
  }

  async delete(key: string, { ifMatch }: DeleteOptions = {}): Promise<void> {
    try {
      if (ifMatch === undefined) await rm(this.#path(key), { force: true });
      else await this.#lock.hold(key, () => this.#take(key, ifMatch));
    } catch (error) {
      // A folder of other objects, or a part of the key that is an object: there is no object of this name.
      if (noObject.has((error as NodeJS.ErrnoException).code)) return;
      throw failure("delete object", key, error);
    }
  }

  async copy(from: string, to: string, { onRequest }: CopyOptions = {}): Promise<{ readonly etag: string }> {
    onRequest?.("put");
    const path = this.#path(from);
    if (!(await stat(path).catch(() => undefined))?.isFile()) throw objectNotFound("copy object", from);
    return await this.put(to, { path });
  }

  /** A file can always be read. */
  async restore(key: string, { onRequest }: RestoreOptions): Promise<void> {
    onRequest?.("put");
    if ((await this.head(key)) === undefined) throw objectNotFound("restore object", key);
  }

  mustBeRestored(): boolean {
    return false;
  }

  async download(key: string, path: string): Promise<ObjectInfo | undefined> {
    const info = await this.head(key);
    if (info === undefined) return undefined;
    await copyFile(this.#path(key), path).catch((error: unknown) => {
      throw failure("download object", key, error);
    });
    return info;
  }

  localPath(key: string): string {
    return this.#path(key);
  }

  async close(): Promise<void> {
    this.#lock.close();
  }

  #path(key: string): string {
    checkKey(key);
    if (!key.startsWith(".")) return join(this.#root, key);
    throw new MosaicError("invalid", "name an object", {
      code: "invalid_key",
      detail: "An object key in a folder does not begin with a dot.",
      key,
    });
  }

  /** Returns the ETag that the object will have. */
  async #writeTemporary(temporary: string, body: PutBody): Promise<string> {
    await this.#prepareTemporaries();
    if (!(body instanceof Uint8Array)) await copyFile(body.path, temporary, constants.COPYFILE_FICLONE);
    const file: FileHandle = await open(temporary, body instanceof Uint8Array ? "w" : "r+");
    try {
      if (body instanceof Uint8Array) await file.writeFile(body);
      // Two large objects could share inode, size and a coarse clock's time; not this one too.
      const modifiedS = this.#clock.now() / 1000 - this.#random.next();
      await file.utimes(modifiedS, modifiedS);
      await file.sync();
      const stats = await file.stat({ bigint: true });
      if (stats.size > hashedBytes) return tagOf(stats);
      return contentTag(body instanceof Uint8Array ? body : await readFile(temporary));
    } finally {
      await file.close();
    }
  }

  /** Makes the folder of temporaries, and clears it of what processes left behind that were killed. */
  #prepareTemporaries(): Promise<void> {
    this.#prepared ??= this.#clearTemporaries().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  async #clearTemporaries(): Promise<void> {
    const folder = join(this.#root, workFolder, "tmp");
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const stats = await stat(join(folder, name)).catch(() => undefined);
      if (stats !== undefined && this.#clock.now() - stats.ctimeMs > abandonedMs)
        await rm(join(folder, name), { force: true });
    }
  }

  /** Without `ifMatch`: link fails when the name is taken, rename replaces what is there. */
  async #place(temporary: string, path: string, key: string, { ifNoneMatch }: PutOptions): Promise<void> {
    const folder = dirname(path);
    for (let attempt = 0; ; attempt++) {
      try {
        if (ifNoneMatch === "*") await link(temporary, path);
        else await rename(temporary, path);
        break;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST") throw preconditionFailed("put object", key);
        if (code !== "ENOENT" || attempt > 2) throw error;
        await this.#makeFolder(folder);
      }
    }
    await syncFolder(folder);
  }

  async #swap(temporary: string, path: string, key: string, expected: string): Promise<void> {
    const found = await this.head(key);
    if (found?.etag !== expected) throw preconditionFailed("put object", key);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  }

  /**
   * Out of the way first, then looked at: files of an inbox are written by programs that know no lock. What turns out to
   * be another file goes back, unless a newer one has taken its place.
   */
  async #take(key: string, expected: string): Promise<void> {
    const path = this.#path(key);
    await this.#prepareTemporaries();
    const aside = join(this.#root, workFolder, "tmp", this.#random.nonce(12));
    try {
      await rename(path, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    const stats = await stat(aside, { bigint: true });
    const etag = stats.size > hashedBytes ? tagOf(stats) : contentTag(await readFile(aside));
    if (etag !== expected)
      await link(aside, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
    await rm(aside, { force: true });
    if (etag !== expected) throw preconditionFailed("delete object", key);
  }

  /** New folders are durable only when the folders that name them are synced. */
  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
  }
}

const infoOf = (key: string, { size, mtimeMs }: BigIntStats, etag: string): ObjectInfo => ({
  key,
  etag,
  sizeBytes: Number(size),
  modifiedMs: Number(mtimeMs),
  storageClass: "STANDARD",
});

function openIfThere(path: string, key: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw failure("read object", key, error);
  }
}

function readFully(file: number, start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let read = 0;
  while (read < length) {
    const more = readSync(file, bytes, read, length - read, start + read);
    if (more === 0) break;
    read += more;
  }
  return bytes.subarray(0, read);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
