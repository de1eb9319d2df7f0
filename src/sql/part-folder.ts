import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../base/index.ts";

/** Names for the files of one query's parts. Whoever writes one makes their folder; often nobody has to. */
export class PartFolder {
  readonly #folder: string;
  #count = 0;

  constructor(workFolder: string, random: Random) {
    this.#folder = join(workFolder, `sql-${random.nonce(9)}`);
  }

  next(): string {
    return join(this.#folder, `part-${this.#count++}.db`);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
