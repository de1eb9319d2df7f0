import { type Stats, statSync, utimesSync } from "node:fs";
import { mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, hasEnded, processOwner, type Random } from "../../base/index.ts";
import type { VerifiedFiles } from "../file/verified.ts";
import { removeFile } from "./local-fault.ts";

export interface CacheFolderOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Its stamps tell when a file was last used: the file's own times must not change, or it would be hashed again. */
  readonly verified: VerifiedFiles;
}

/** What lies in the folder at one moment, whoever put it there. */
export interface Listing {
  /** Bytes on disk of each cached file by name. */
  readonly files: ReadonlyMap<string, number>;
  /** Of those files and of all claims: each counts in full, however much of it is written yet. */
  readonly bytes: number;
}

/**
 * A claim that nobody wrote to for so long belongs to nobody, if its process can't be asked: sockets give up much
 * earlier. Removing one that is alive is harmless: its download is begun anew.
 */
const abandonedMs = 120_000;
const blockBytes = 4096;

const whole = /^[0-9a-f]{64}-(\d+)$/;
const claimed = /^(\d+)\.([^.]*)\..*\.part$/;

/** What a file takes of a disk. */
export const onDisk = (sizeBytes: number): number => Math.max(1, Math.ceil(sizeBytes / blockBytes)) * blockBytes;

/**
 * A folder of immutable files that processes share. What it holds is read from names alone:
 *
 * - `<sha256>-<size>` a whole object. It appears by a rename, so that it is never seen in part.
 * - `<bytes>.<process>.<nonce>.part` room that a process has claimed, and perhaps begun to fill.
 */
export class CacheFolder {
  readonly path: string;
  readonly #options: CacheFolderOptions;

  constructor(options: CacheFolderOptions) {
    this.path = options.path;
    this.#options = options;
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  /** Claims room by a file of its own, which every process counts. Returns its path; who claims removes or renames it. */
  async claim(bytes: number): Promise<string> {
    const path = this.pathOf(`${bytes}.${processOwner}.${this.#options.random.nonce(8)}.part`);
    await mkdir(this.path, { recursive: true });
    await (await open(path, "wx")).close();
    return path;
  }

  /** Gives up what was claimed. */
  discard(claim: string): void {
    try {
      removeFile(claim);
    } catch {
      // Abandoned claims stop counting by themselves.
    }
  }

  /** Empty when the folder can't be read. Removes claims that a process has left behind. */
  async list(): Promise<Listing> {
    const names = await readdir(this.path).catch(() => [] as string[]);
    const files = new Map<string, number>();
    let bytes = 0;
    await Promise.all(
      names.map(async (name) => {
        const taken = await this.#bytesOf(name);
        if (whole.test(name)) files.set(name, taken);
        bytes += taken;
      }),
    );
    return { files, bytes };
  }

  /** Bytes on disk of a cached file, undefined when it is not there in the length that its name says. */
  sizeOf(name: string): number | undefined {
    const found = statOf(this.pathOf(name));
    if (found === undefined || !found.isFile()) return undefined;
    return found.size === Number(whole.exec(name)?.[1]) ? onDisk(found.size) : undefined;
  }

  /** Synchronous: between the decision to remove a file and its end nobody can pin it. Done also when it was gone. */
  remove(name: string): void {
    const { verified } = this.#options;
    const path = this.pathOf(name);
    removeFile(path);
    verified.forget(path);
  }

  /** Notes the use of a file for whoever looks later. */
  touch(name: string): void {
    const now = this.#options.clock.now() / 1000;
    try {
      utimesSync(this.#timesOf(name), now, now);
    } catch {
      // Nothing but the order of eviction suffers.
    }
  }

  async usedMs(name: string): Promise<number> {
    const times = await Promise.all(
      [this.#timesOf(name), this.pathOf(name)].map((path) =>
        stat(path).then(
          // Whole milliseconds, as the clock has: a file that was written and one that was used in the same are equal.
          ({ mtimeMs }) => Math.floor(mtimeMs),
          () => 0,
        ),
      ),
    );
    return Math.max(...times);
  }

  #timesOf(name: string): string {
    return this.#options.verified.stampOf(this.pathOf(name));
  }

  async #bytesOf(name: string): Promise<number> {
    const size = whole.exec(name)?.[1];
    if (size !== undefined) return onDisk(Number(size));
    const found = await stat(this.pathOf(name)).catch(() => undefined);
    const [, bytes = found?.size ?? 0, owner = ""] = claimed.exec(name) ?? [];
    // A claim that is gone by now may have become a file after the folder was listed.
    if (found === undefined) return Number(bytes);
    if (!name.endsWith(".part")) return found.blocks * 512;
    const abandoned = hasEnded(owner) || this.#options.clock.now() - found.mtimeMs > abandonedMs;
    if (!abandoned) return Number(bytes);
    this.discard(this.pathOf(name));
    return 0;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // a folder that can't be read holds nothing for us
  }
}
