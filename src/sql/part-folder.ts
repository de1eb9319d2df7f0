import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../base/index.ts";

/** The folder of one query's parts: what its leaves write for the root. Made with the first of them. */
export class PartFolder {
  readonly #folder: string;
  #made: Promise<unknown> | undefined;
  #count = 0;

  constructor(workFolder: string, random: Random) {
    this.#folder = join(workFolder, `sql-${random.nonce(9)}`);
  }

  async next(): Promise<string> {
    this.#made ??= mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `part-${this.#count++}.db`);
    await this.#made;
    return path;
  }

  async remove(): Promise<void> {
    if (this.#made !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}
