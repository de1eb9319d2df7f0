import { rename } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import type { Clock } from "../../base/index.ts";
import { type CacheFolder, onDisk } from "./cache-folder.ts";
import { KeptFile, type Pin } from "./kept-file.ts";
import { isDiskFull } from "./local-fault.ts";

export interface DiskCacheOptions {
  readonly folder: CacheFolder;
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** How long a claim waits for somebody to let go of a file, and how often it looks meanwhile. */
const patienceMs = 500;
const waits = 10;
/** A file's use is noted on disk at most so often. */
const touchEveryMs = 1000;
/** A disk that was found full is not tried again for so long. */
const fullForMs = 5000;

/**
 * Files in a folder under a bound that holds for all processes that share it. Whoever wants to add bytes claims them by
 * a file first and then counts the folder, claims of others included; only if the sum keeps the bound are they written.
 * So of two that claim at once at least one sees the other. The least recently used files go first, those that are
 * pinned here never. Another process may remove them all the same: who has one open reads on, and others fetch it anew.
 */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  /** In order of use. It evicts nothing itself: which files may go is known here only. */
  readonly #files: LRUCache<string, KeptFile>;
  #claiming: Promise<unknown> = Promise.resolve();
  #wakeWaiting: () => void = () => undefined;
  #fullUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskCacheOptions) {
    this.#options = options;
    this.#files = new LRUCache({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: () => 1 });
  }

  /** As last counted. */
  get bytes(): number {
    return this.#all().reduce((sum, { bytes }) => sum + bytes, 0);
  }
  get count(): number {
    return this.#files.size;
  }

  /** A pin on a file that is there, whoever put it there. */
  find(name: string): Pin | undefined {
    const bytes = this.#options.folder.sizeOf(name);
    if (bytes === undefined) {
      this.#files.delete(name);
      return undefined;
    }
    return this.#used(this.#files.get(name) ?? this.#enter(name, bytes, 0)).pin();
  }

  /**
   * Makes the file `name` of what `fill` writes to the path that it is given. Undefined when there is no room: it is
   * larger than the bound, or everything is pinned. Throws what `fill` throws, and what the file system says.
   */
  async add(name: string, sizeBytes: number, fill: (path: string) => Promise<void>): Promise<Pin | undefined> {
    if (this.#options.clock.monotonicMs() < this.#fullUntilMs) return undefined;
    try {
      return await this.#add(name, sizeBytes, fill);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (this.#evict(onDisk(sizeBytes)) < onDisk(sizeBytes)) return this.#full(error);
      return await this.#add(name, sizeBytes, fill).catch((again: unknown) => this.#full(again));
    }
  }

  /** A pin for somebody who keeps the file open until it is asked to let go. */
  hold(name: string, letGo: () => void): Pin | undefined {
    return this.#files.peek(name)?.hold(letGo);
  }

  /** Removes a file, pinned or not; false when there was none. */
  drop(name: string): boolean {
    const known = this.#files.delete(name) || this.#options.folder.sizeOf(name) !== undefined;
    if (known) this.#options.folder.remove(name);
    return known;
  }

  /** Takes over what others, or an earlier process, have put into the folder, in the order in which it was used. */
  async rescan(): Promise<void> {
    await this.#adopt((await this.#options.folder.list()).files);
  }

  async #add(name: string, sizeBytes: number, fill: (path: string) => Promise<void>): Promise<Pin | undefined> {
    const { folder, clock } = this.#options;
    const claim = await this.#claim(onDisk(sizeBytes));
    if (claim === undefined) return undefined;
    try {
      await fill(claim);
      await rename(claim, folder.pathOf(name));
      return this.#enter(name, onDisk(sizeBytes), clock.now()).pin();
    } finally {
      this.#options.folder.discard(claim);
    }
  }

  #full(error: unknown): undefined {
    if (!isDiskFull(error)) throw error;
    this.#fullUntilMs = this.#options.clock.monotonicMs() + fullForMs;
  }

  /** One claim at a time in this process: those of others are enough to reckon with. */
  #claim(bytes: number): Promise<string | undefined> {
    const untilMs = this.#options.clock.monotonicMs() + patienceMs;
    const claim = this.#claiming.then(() => this.#claimRoom(bytes, untilMs));
    this.#claiming = claim.catch(() => undefined); // the caller is told; the next turn starts clean
    return claim;
  }

  async #claimRoom(bytes: number, untilMs: number): Promise<string | undefined> {
    if (bytes > this.#options.maxBytes) return undefined;
    for (let left = waits; ; left--) {
      const claim = await this.#options.folder.claim(bytes);
      try {
        if (await this.#fits()) return claim;
      } catch (error) {
        this.#options.folder.discard(claim);
        throw error;
      }
      // Two that wait with their claims in place would wait for each other.
      this.#options.folder.discard(claim);
      if (left === 0 || this.#options.clock.monotonicMs() > untilMs) return undefined;
      await this.#somebodyLetsGo();
    }
  }

  /** Counts the folder and evicts until the bound holds; false when what is pinned does not let it. */
  async #fits(): Promise<boolean> {
    const { folder, maxBytes } = this.#options;
    const { files, bytes } = await folder.list();
    const excess = bytes - maxBytes;
    if (excess <= 0) {
      this.#notice(files);
      return true;
    }
    await this.#adopt(files);
    const missing = excess - this.#evict(excess);
    if (missing > 0) this.#askBack(missing);
    return missing <= 0;
  }

  /** Removes the least recently used files until `bytes` are free; returns how many are. */
  #evict(bytes: number): number {
    let freed = 0;
    for (const file of this.#all()) {
      if (freed >= bytes) break;
      if (file.pinned) continue;
      this.#files.delete(file.name);
      this.#options.folder.remove(file.name);
      freed += file.bytes;
    }
    return freed;
  }

  #askBack(bytes: number): void {
    let asked = 0;
    for (const file of this.#all()) {
      if (asked >= bytes) break;
      if (!file.idle) continue;
      file.askBack();
      asked += file.bytes;
    }
  }

  async #somebodyLetsGo(): Promise<void> {
    const enough = new AbortController();
    this.#wakeWaiting = () => enough.abort();
    await this.#options.clock.sleep(patienceMs / waits, enough.signal).catch(() => undefined); // woken early
    this.#wakeWaiting = () => undefined;
  }

  /** The least recently used first. */
  #all(): readonly KeptFile[] {
    return [...this.#files.rvalues()].filter((file) => file !== undefined);
  }

  /** Brings names and sizes up to date. What is new here counts as unused until its times are read. */
  #notice(files: ReadonlyMap<string, number>): void {
    for (const name of [...this.#files.keys()]) {
      // What was added since the folder was listed is there all the same.
      if (!files.has(name) && this.#options.folder.sizeOf(name) === undefined) this.#files.delete(name);
    }
    for (const [name, bytes] of files) {
      const known = this.#files.peek(name);
      if (known === undefined) this.#enter(name, bytes, 0);
      else known.bytes = bytes;
    }
  }

  async #adopt(files: ReadonlyMap<string, number>): Promise<void> {
    const { folder } = this.#options;
    const used = await Promise.all([...files.keys()].map(async (name) => [name, await folder.usedMs(name)] as const));
    this.#notice(files);
    for (const [name, usedMs] of used) {
      const known = this.#files.peek(name);
      if (known !== undefined) known.usedMs = Math.max(known.usedMs, usedMs);
    }
    const inOrder = [...this.#all()].sort((a, b) => a.usedMs - b.usedMs);
    this.#files.clear();
    for (const file of inOrder) this.#files.set(file.name, file);
  }

  #enter(name: string, bytes: number, usedMs: number): KeptFile {
    const path = this.#options.folder.pathOf(name);
    const file = new KeptFile({ name, path, bytes, usedMs }, () => this.#wakeWaiting());
    this.#files.set(name, file);
    return file;
  }

  #used(file: KeptFile): KeptFile {
    const now = this.#options.clock.now();
    if (now - file.touchedMs >= touchEveryMs) {
      file.touchedMs = now;
      this.#options.folder.touch(file.name);
    }
    file.usedMs = now;
    return file;
  }
}
