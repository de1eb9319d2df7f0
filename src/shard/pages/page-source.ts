import { type FileHandle, open } from "node:fs/promises";
import { damaged } from "./damage.ts";
import { type FileShape, fileHeaderBytes, fileShapeOf } from "./file-header.ts";

/** The pages of one immutable file, wherever it lies. */
export interface PageSource {
  readonly pageBytes: number;
  readonly pageCount: number;
  /** Pages by number (1-based), in the order asked; one call is one round of requests, an implementation coalesces neighbours. */
  pages(numbers: readonly number[]): Promise<readonly Uint8Array[]>;
}

/**
 * Something that reads pages without knowing where they come from: it yields the numbers of those it wants next, ascending,
 * and is given them in that order. One step is one round.
 */
export type Reading<T> = Generator<readonly number[], T, readonly (Uint8Array | undefined)[]>;

/** Runs it over a source. */
export async function readFrom<T>(source: PageSource, reading: Reading<T>): Promise<T> {
  let step = reading.next();
  while (!step.done) step = reading.next(await source.pages(step.value));
  return step.value;
}

/** Runs it over pages that are at hand. */
export function readNow<T>(pages: (numbers: readonly number[]) => readonly Uint8Array[], reading: Reading<T>): T {
  let step = reading.next();
  while (!step.done) step = reading.next(pages(step.value));
  return step.value;
}

/** `count` pages from `first` on. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/**
 * The runs of neighbours that cover some pages, ascending; each is worth one range request. Runs at most `gap` pages
 * apart become one, which reads those between for nothing.
 */
export function runsOf(numbers: readonly number[], gap = 0): readonly PageRun[] {
  const runs: { first: number; count: number }[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && number <= last.first + last.count + gap) last.count = number - last.first + 1;
    else runs.push({ first: number, count: 1 });
  }
  return runs;
}

/** Pages of a local file. Must be closed. */
export class FilePageSource implements PageSource {
  readonly #file: FileHandle;
  readonly pageBytes: number;
  readonly pageCount: number;

  private constructor(file: FileHandle, shape: FileShape) {
    this.#file = file;
    this.pageBytes = shape.pageBytes;
    this.pageCount = shape.pageCount;
  }

  /** Throws `data` when the file is no SQLite database; the system's error when it can't be opened. */
  static async open(path: string): Promise<FilePageSource> {
    const file = await open(path, "r");
    try {
      const header = await readAt(file, 0, fileHeaderBytes);
      return new FilePageSource(file, fileShapeOf(header, (await file.stat()).size));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async pages(numbers: readonly number[]): Promise<readonly Uint8Array[]> {
    const found = new Map<number, Uint8Array>();
    await Promise.all(
      runsOf(numbers).map(async ({ first, count }) => {
        const bytes = await readAt(this.#file, (first - 1) * this.pageBytes, count * this.pageBytes);
        for (let i = 0; i < count; i++) {
          found.set(first + i, bytes.subarray(i * this.pageBytes, (i + 1) * this.pageBytes));
        }
      }),
    );
    return numbers.map((number) => found.get(number) as Uint8Array);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, position);
  if (bytesRead < length) throw damaged("the file ends too early");
  return buffer;
}
