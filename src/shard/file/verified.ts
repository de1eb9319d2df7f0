import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MosaicError, sha256, sha256OfFileSync } from "../../base/index.ts";

export interface Expected {
  readonly sizeBytes: number;
  readonly sha256: string;
}

const damaged = (path: string, hint: string): MosaicError =>
  new MosaicError("data", "check shard file", {
    code: "shard_damaged",
    detail: "A shard file does not match its checksum; its documents are missing from this answer.",
    key: path,
    hint,
  });

/** What changes whenever anybody writes to the file or puts another in its place. */
function identity(path: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/**
 * Compares files with their checksums before first use, and remembers in a folder which ones passed: as long as inode,
 * size and times of a file are unchanged it is not read again, so that a new process starts at once. Bits that rot
 * without a write are found by `mosaic verify`, which always reads everything.
 */
export class VerifiedFiles {
  readonly #folder: string;
  readonly #passed = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws `data` when the file is missing, truncated or changed. */
  check(path: string, expected: Expected): void {
    const mark = `${expected.sha256} ${this.#identityOf(path)}`;
    if (this.#passed.has(mark)) return;
    const stamp = this.stampOf(path);
    if (this.#read(stamp) !== mark) {
      if (statSync(path).size !== expected.sizeBytes) throw damaged(path, "its size differs; run: mosaic verify");
      if (sha256OfFileSync(path) !== expected.sha256) throw damaged(path, "its bytes differ; run: mosaic verify");
      this.#write(stamp, mark);
    }
    this.#passed.add(mark);
  }

  /** Takes the caller's word for a file that it has just written or compared itself. */
  trust(path: string, expected: Expected): void {
    const mark = `${expected.sha256} ${this.#identityOf(path)}`;
    this.#passed.add(mark);
    this.#write(this.stampOf(path), mark);
  }

  /** The note that `path` passed, which may not exist. Its time is for others to use. */
  stampOf(path: string): string {
    return join(this.#folder, sha256(path).slice(0, 32));
  }

  /** Of a file that was removed. */
  forget(path: string): void {
    try {
      rmSync(this.stampOf(path), { force: true });
    } catch {
      // A stamp that stays costs its few bytes.
    }
  }

  #identityOf(path: string): string {
    try {
      return identity(path);
    } catch {
      throw damaged(path, "it can't be read; run: mosaic verify");
    }
  }

  #read(stamp: string): string | undefined {
    try {
      return readFileSync(stamp, "utf8");
    } catch {
      return undefined; // no stamp: the file is hashed
    }
  }

  #write(stamp: string, mark: string): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(`${stamp}.${process.pid}`, mark);
      renameSync(`${stamp}.${process.pid}`, stamp);
    } catch {
      // A cache that can't be written only costs the next process the hashing.
    }
  }
}
