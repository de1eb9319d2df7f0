import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { fingerprint, fingerprintWords } from "./id-numbers.ts";

/** The node that links, and the fingerprint of the id that it links to. */
const wordsOfLink = 1 + fingerprintWords;
const linksAtOnce = 16_384;

/** Links in the order of their coming, on disk: their targets are known only when every document has been read. */
export class LinkFile {
  readonly #path: string;
  readonly #file: number;
  readonly #buffer = new Uint32Array(wordsOfLink * linksAtOnce);
  #used = 0;
  #count = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "wx+");
  }

  get count(): number {
    return this.#count;
  }

  add(node: number, target: string): void {
    this.#buffer[this.#used] = node;
    fingerprint(target, this.#buffer, this.#used + 1);
    this.#used += wordsOfLink;
    this.#count++;
    if (this.#used === this.#buffer.length) this.#flush();
  }

  /** Calls `take` with every link: its node, and where its target's fingerprint lies for the moment. */
  each(take: (node: number, words: Uint32Array, at: number) => void): void {
    this.#flush();
    const part = new Uint32Array(this.#buffer.length);
    for (let position = 0; ; ) {
      const bytes = readSync(this.#file, part, 0, part.byteLength, position);
      if (bytes === 0) return;
      for (let at = 0; at < bytes / 4; at += wordsOfLink) take(part[at] as number, part, at + 1);
      position += bytes;
    }
  }

  remove(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  #flush(): void {
    const bytes = this.#used * 4;
    for (let from = 0; from < bytes; ) {
      from += writeSync(this.#file, new Uint8Array(this.#buffer.buffer, from, bytes - from));
    }
    this.#used = 0;
  }
}
