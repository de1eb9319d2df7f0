import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, MosaicError } from "../../base/index.ts";
import type { VerifiedFiles } from "../file/verified.ts";
import { KeptFile, type Pin } from "./kept-file.ts";
import { isLocalFault, removeFile } from "./local-fault.ts";

export interface SpareFilesOptions {
  /** Where private folders may be made, the best first. */
  readonly parents: readonly string[];
  /** Above this, files that are only kept open are given back. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Forgets what is removed. */
  readonly verified: VerifiedFiles;
}

const prefix = "mosaic-spare-";
/** Private folders that nothing was put into for so long were left behind. To lose one is harmless. */
const abandonedMs = 24 * 60 * 60 * 1000;

/** Files of this process alone, for what the cache has no room for. Each is removed when its last pin is released. */
export class SpareFiles {
  readonly #options: SpareFilesOptions;
  readonly #files = new Map<string, KeptFile>();
  readonly #folders = new Map<string, Promise<string>>();
  #made = 0;

  constructor(options: SpareFilesOptions) {
    this.#options = options;
  }

  find(name: string): Pin | undefined {
    return this.#files.get(name)?.pin();
  }

  /** Throws `unavailable` (`cache_unavailable`) when no folder takes it, and what `fill` throws. */
  async add(name: string, sizeBytes: number, fill: (path: string) => Promise<void>): Promise<Pin> {
    this.#giveBack(sizeBytes);
    let cause: unknown;
    for (const parent of this.#options.parents) {
      try {
        return await this.#addBelow(parent, name, sizeBytes, fill);
      } catch (error) {
        if (!isLocalFault(error)) throw error;
        this.#folders.delete(parent);
        cause = error;
      }
    }
    throw unavailable(cause);
  }

  hold(path: string, letGo: () => void): Pin | undefined {
    for (const file of this.#files.values()) if (file.path === path) return file.hold(letGo);
    return undefined;
  }

  /** Forgets a file; who has it open reads on. */
  drop(name: string): boolean {
    const file = this.#files.get(name);
    if (file !== undefined) this.#remove(file);
    return file !== undefined;
  }

  async close(): Promise<void> {
    for (const { path } of this.#files.values()) this.#options.verified.forget(path);
    for (const folder of this.#folders.values())
      await folder.then((path) => rm(path, { recursive: true, force: true }));
    this.#folders.clear();
  }

  async #addBelow(
    parent: string,
    name: string,
    sizeBytes: number,
    fill: (path: string) => Promise<void>,
  ): Promise<Pin> {
    const { clock } = this.#options;
    const path = join(await this.#folder(parent), `${++this.#made}-${name}`);
    try {
      await fill(path);
    } catch (error) {
      removeFile(path);
      throw error;
    }
    const file = new KeptFile({ name, path, bytes: sizeBytes, usedMs: clock.now() }, (free) => this.#remove(free));
    this.#files.set(name, file);
    return file.pin();
  }

  #folder(parent: string): Promise<string> {
    const known = this.#folders.get(parent) ?? this.#makeFolder(parent);
    this.#folders.set(parent, known);
    return known;
  }

  async #makeFolder(parent: string): Promise<string> {
    await this.#removeAbandoned(parent);
    return await mkdtemp(join(parent, prefix));
  }

  async #removeAbandoned(parent: string): Promise<void> {
    const names = await readdir(parent).catch(() => [] as string[]);
    for (const path of names.filter((name) => name.startsWith(prefix)).map((name) => join(parent, name))) {
      const found = await stat(path).catch(() => undefined);
      const old = found !== undefined && this.#options.clock.now() - found.mtimeMs > abandonedMs;
      if (old) await rm(path, { recursive: true, force: true }).catch(() => undefined); // somebody else's, perhaps
    }
  }

  #giveBack(sizeBytes: number): void {
    const files = [...this.#files.values()];
    const taken = files.reduce((sum, { bytes }) => sum + bytes, sizeBytes);
    if (taken > this.#options.maxBytes) for (const file of files) if (file.idle) file.askBack();
  }

  #remove(file: KeptFile): void {
    if (this.#files.get(file.name) === file) this.#files.delete(file.name);
    removeFile(file.path);
    this.#options.verified.forget(file.path);
  }
}

const unavailable = (cause: unknown): MosaicError =>
  new MosaicError("unavailable", "fetch object", {
    code: "cache_unavailable",
    detail:
      "No local folder takes a copy of a shard file; its documents are missing from this answer. The operator has to set CACHE_PATH to a folder with free space.",
    hint: "set CACHE_PATH to a folder on a disk with free space that this process may write to",
    cause,
  });
