import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What the files below a folder take on the disk, in bytes: of files with holes only what is there. */
export function diskBytesOf(folder: string): number {
  let sum = 0;
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    sum += entry.isDirectory() ? diskBytesOf(path) : blocksOf(path) * blockBytes;
  }
  return sum;
}

/** What POSIX counts `st_blocks` in, on Linux. */
const blockBytes = 512;

// Files come and go while their owner works.
const entriesOf = (folder: string) => {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
};
const blocksOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.blocks ?? 0;
