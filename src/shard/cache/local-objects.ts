import { basename, dirname } from "node:path";
import { LRUCache } from "lru-cache";
import { type Clock, isMosaicError, MosaicError, type Random, sha256, sha256OfFile } from "../../base/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { VerifiedFiles } from "../file/verified.ts";
import { CacheFolder, onDisk } from "./cache-folder.ts";
import { DiskCache } from "./disk-cache.ts";
import type { Pin } from "./kept-file.ts";
import { isLocalFault } from "./local-fault.ts";
import { SpareFiles } from "./spare-files.ts";

export interface LocalObjectsOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of files whose bytes were compared with their checksum here. */
  readonly verified: VerifiedFiles;
  /** Folder of downloaded files; shared by processes that use the same one. */
  readonly folder: string;
  readonly maxBytes: number;
  /** Where files go that find no room in the folder, for as long as they are in use; the best first. */
  readonly spareFolders: readonly string[];
  /** Told of every object that was found in the folder. */
  readonly onHit: () => void;
}

/** Local files of immutable objects, for who builds shards from them. */
export type ObjectFiles = Pick<LocalObjects, "pin" | "trust" | "drop">;

export interface ImmutableRef {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A download under way, and those who wait for it. */
interface Flight {
  waiting: number;
  readonly done: Promise<Pin>;
}

/**
 * Local files of immutable objects: the store's own file where it has one, otherwise a download that is kept, named by
 * its checksum, until the bound pushes it out; what finds no room there goes to a spare folder while it is in use. So a
 * disk that is full or read-only costs time, not answers. One download an object at a time; each asker gets a pin.
 */
export class LocalObjects {
  readonly #options: LocalObjectsOptions;
  readonly #cache: DiskCache;
  readonly #spare: SpareFiles;
  readonly #flights = new Map<string, Flight>();
  /** Damaged copies that can't be removed. */
  readonly #refused = new Set<string>();
  /** Copies that another process took away before they were opened: the next one is for this process alone. */
  readonly #contested = new Set<string>();
  /** Names of copies that somebody was given here. */
  readonly #given = new LRUCache<string, true>({ max: 10_000 });
  #scanned: Promise<void> | undefined;

  constructor(options: LocalObjectsOptions) {
    const { folder: path, maxBytes, spareFolders: parents, clock, random, verified } = options;
    this.#options = options;
    this.#cache = new DiskCache({ folder: new CacheFolder({ path, clock, random, verified }), maxBytes, clock });
    this.#spare = new SpareFiles({ parents, maxBytes, clock, verified });
  }

  get bytes(): number {
    return this.#cache.bytes;
  }
  get count(): number {
    return this.#cache.count;
  }

  /**
   * A file with exactly the object's bytes, which stays until the pin is released. Throws `data` when the object is
   * missing or damaged, `unavailable` (`cache_unavailable`) when no local folder takes it. Another process may remove a
   * cached file between this and its opening: whoever finds it missing calls `drop` and asks again.
   */
  async pin(ref: ImmutableRef): Promise<Pin> {
    return (await this.find(ref)) ?? (await this.#board(ref, nameOf(ref)));
  }

  /** The same when the file is here already; asks storage for nothing. */
  async find(ref: ImmutableRef): Promise<Pin | undefined> {
    const inPlace = this.#options.store.localPath(ref.key);
    if (inPlace !== undefined) return pinOfStored(inPlace);
    this.#scanned ??= this.#cache.rescan();
    await this.#scanned;
    const name = nameOf(ref);
    const kept = this.#find(name);
    if (kept === undefined) return undefined;
    this.#given.set(name, true);
    this.#options.onHit();
    return kept;
  }

  /** False for a file that is larger than the bound: it is here only while it is in use. */
  fits({ sizeBytes }: Pick<ImmutableRef, "sizeBytes">): boolean {
    return onDisk(sizeBytes) <= this.#options.maxBytes;
  }

  /** True when the file is here. It may go at any moment; asking counts as no use. */
  async has(ref: ImmutableRef): Promise<boolean> {
    if (this.#options.store.localPath(ref.key) !== undefined) return true;
    this.#scanned ??= this.#cache.rescan();
    await this.#scanned;
    using pin = this.#find(nameOf(ref));
    return pin !== undefined;
  }

  /** A pin for somebody who keeps a pinned file open until it is asked to let go; undefined for what needs none. */
  hold(path: string, letGo: () => void): Pin | undefined {
    if (dirname(path) === this.#options.folder) return this.#cache.hold(basename(path), letGo);
    return this.#spare.hold(path, letGo);
  }

  /** Drops a copy that turned out not to hold what it should, or to be gone; false when asking again would not help. */
  async drop(ref: ImmutableRef): Promise<boolean> {
    if (this.#options.store.localPath(ref.key) !== undefined) return false;
    const name = nameOf(ref);
    if (this.#spare.drop(name)) return true;
    try {
      if (this.#cache.drop(name)) return true;
      if (!this.#given.has(name)) return false;
      this.#contested.add(name);
      return true;
    } catch (error) {
      if (!isLocalFault(error) || this.#refused.has(name)) return false;
      this.#refused.add(name);
      return true;
    }
  }

  /** Notes that this process has just written the object from bytes with this checksum. */
  trust(ref: ImmutableRef): void {
    const path = this.#options.store.localPath(ref.key);
    if (path !== undefined) this.#options.verified.trust(path, ref);
  }

  close(): Promise<void> {
    return this.#spare.close();
  }

  #find(name: string): Pin | undefined {
    return this.#spare.find(name) ?? (this.#refused.has(name) ? undefined : this.#cache.find(name));
  }

  /** Joins the download of an object, or begins it. */
  async #board(ref: ImmutableRef, name: string): Promise<Pin> {
    const flight = this.#flights.get(name) ?? this.#start(ref, name);
    flight.waiting++;
    try {
      const pin = (await flight.done).again();
      this.#given.set(name, true);
      return pin;
    } finally {
      flight.waiting--;
      // The download's own pin keeps the file until everybody who waited has one.
      if (flight.waiting === 0) void flight.done.then((pin) => pin.release()).catch(() => undefined);
    }
  }

  #start(ref: ImmutableRef, name: string): Flight {
    const done = this.#fetch(ref, name).finally(() => this.#flights.delete(name));
    const flight: Flight = { waiting: 0, done };
    this.#flights.set(name, flight);
    return flight;
  }

  async #fetch(ref: ImmutableRef, name: string): Promise<Pin> {
    const pin = (await this.#fetchToCache(ref, name)) ?? (await this.#fetchToSpare(ref, name));
    try {
      this.#options.verified.trust(pin.path, ref);
    } catch {
      // Another process has removed it already: whoever opens it asks again.
    }
    return pin;
  }

  async #fetchToCache(ref: ImmutableRef, name: string): Promise<Pin | undefined> {
    if (this.#contested.delete(name) || this.#refused.has(name)) return undefined;
    try {
      return await this.#cache.add(name, ref.sizeBytes, (path) => this.#download(ref, path));
    } catch (error) {
      if (isLocalFault(error)) return undefined;
      throw error;
    }
  }

  #fetchToSpare(ref: ImmutableRef, name: string): Promise<Pin> {
    return this.#spare.add(name, ref.sizeBytes, (path) => this.#download(ref, path));
  }

  async #download(ref: ImmutableRef, path: string): Promise<void> {
    const info = await this.#options.store.download(ref.key, path);
    if (info === undefined) throw missing(ref.key);
    if ((await sha256OfFile(path)) !== ref.sha256) throw changed(ref.key);
  }
}

/** Local file of each object, by key. */
export type PathOf = (ref: ImmutableRef) => string;

/** Runs `task` with pinned local files of all `refs`; when they turn out damaged or gone, once more with fresh ones. */
export async function withFiles<T>(
  objects: ObjectFiles,
  refs: readonly ImmutableRef[],
  task: (pathOf: PathOf) => Promise<T>,
): Promise<T> {
  try {
    return await withPins(objects, refs, task);
  } catch (error) {
    if (!isMosaicError(error, "data")) throw error;
    const dropped = await Promise.all(refs.map((ref) => objects.drop(ref)));
    if (!dropped.includes(true)) throw error;
    return await withPins(objects, refs, task);
  }
}

/** Runs `task` with pinned local files of all `refs`. */
export async function withPins<T>(
  objects: ObjectFiles,
  refs: readonly ImmutableRef[],
  task: (pathOf: PathOf) => Promise<T>,
): Promise<T> {
  using pins = new DisposableStack();
  const paths = new Map<string, string>();
  const pinning = refs.map(async (ref) => paths.set(ref.key, pins.use(await objects.pin(ref)).path));
  // All of them are waited for, so that none is pinned after the others were released.
  for (const outcome of await Promise.allSettled(pinning)) if (outcome.status === "rejected") throw outcome.reason;
  return await task(({ key }) => paths.get(key) as string);
}

const nameOf = ({ sha256, sizeBytes }: ImmutableRef): string => `${sha256}-${sizeBytes}`;

/** The store itself keeps its files. */
function pinOfStored(path: string): Pin {
  const release = (): void => undefined;
  return { path, again: () => pinOfStored(path), release, [Symbol.dispose]: release };
}

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
