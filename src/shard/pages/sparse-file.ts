import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { blockBytes } from "./layout.ts";

/** A bit a block, in memory that all threads share: set once the block's bytes are in the file. */
export const hasBlock = (present: Uint8Array, block: number): boolean =>
  (Atomics.load(present, block >>> 3) & (1 << (block & 7))) !== 0;

export const forgetBlock = (present: Uint8Array, block: number): void => {
  Atomics.and(present, block >>> 3, ~(1 << (block & 7)));
};

const magic = Buffer.from("MSPARSE1");
const headBytes = 16;

/**
 * A local copy of some blocks of an immutable file: a file of its size with holes, then "MSPARSE1" · u64 size of the file ·
 * a bit a block. It is taken over from an earlier process when all of that fits, and begun anew otherwise. Who reads
 * compares a block with its checksum, so a bit that is set too early (by a crash, or a process beside this one) costs
 * another request and no wrong answer.
 */
export class SparseFile {
  readonly path: string;
  readonly present: Uint8Array<SharedArrayBuffer>;
  readonly #file: FileHandle;
  readonly #mapAt: number;

  private constructor(path: string, file: FileHandle, present: Uint8Array<SharedArrayBuffer>, mapAt: number) {
    this.path = path;
    this.present = present;
    this.#file = file;
    this.#mapAt = mapAt;
  }

  static async open(path: string, fileBytes: number): Promise<SparseFile> {
    await mkdir(dirname(path), { recursive: true });
    const blocks = Math.ceil(fileBytes / blockBytes);
    const present = new Uint8Array(new SharedArrayBuffer(Math.ceil(blocks / 8)));
    const mapAt = blocks * blockBytes + headBytes;
    const file = await open(path, "a+").then(async (made) => {
      await made.close(); // only to have it made: in this mode every write goes to the end
      return await open(path, "r+");
    });
    try {
      const taken = await readMap(file, fileBytes, mapAt, present.length);
      if (taken === undefined) await begin(file, fileBytes, mapAt, present.length);
      else present.set(taken);
      return new SparseFile(path, file, present, mapAt);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** For whoever reads it, in any thread, while it is open: another process may have removed its name. */
  get fd(): number {
    return this.#file.fd;
  }

  has(block: number): boolean {
    return hasBlock(this.present, block);
  }

  /** Bytes that are here, by whole blocks. */
  get presentBytes(): number {
    let count = 0;
    for (const byte of this.present) for (let bits = byte; bits > 0; bits &= bits - 1) count++;
    return count * blockBytes;
  }

  /** Keeps the blocks from `first` on; `bytes` ends with a block or the file. */
  async write(first: number, bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, first * blockBytes);
    const end = first + Math.ceil(bytes.length / blockBytes);
    for (let block = first; block < end; block++) Atomics.or(this.present, block >>> 3, 1 << (block & 7));
    const from = first >>> 3;
    const map = Uint8Array.from(this.present.subarray(from, ((end - 1) >>> 3) + 1));
    await this.#file.write(map, 0, map.length, this.#mapAt + from);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

const headOf = (fileBytes: number): Uint8Array => {
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeBigUInt64LE(BigInt(fileBytes), magic.length);
  return head;
};

async function readMap(
  file: FileHandle,
  fileBytes: number,
  mapAt: number,
  mapBytes: number,
): Promise<Uint8Array | undefined> {
  if ((await file.stat()).size !== mapAt + mapBytes) return undefined;
  const { buffer } = await file.read(Buffer.alloc(headBytes + mapBytes), 0, headBytes + mapBytes, mapAt - headBytes);
  return buffer.subarray(0, headBytes).equals(headOf(fileBytes)) ? buffer.subarray(headBytes) : undefined;
}

async function begin(file: FileHandle, fileBytes: number, mapAt: number, mapBytes: number): Promise<void> {
  await file.truncate(0);
  await file.truncate(mapAt + mapBytes);
  await file.write(headOf(fileBytes), 0, headBytes, mapAt - headBytes);
}
