import { type FileKeeper, HeldFiles } from "./held-files.ts";
import type { Leaf } from "./leaf.ts";
import type { LeafReply, LeafRequest } from "./leaf-request.ts";
import type { LeafRunner } from "./leaves.ts";
import { type LeafLimits, makeLeaf } from "./make-leaf.ts";
import type { LocalPaths } from "./open-shards.ts";

/**
 * A leaf in the calling thread: for a process that answers one query and has nothing else to do, such as a command or
 * a function. It saves the start of a thread, which takes longer than the query.
 */
export class InlineLeaf implements LeafRunner {
  readonly #limits: LeafLimits;
  readonly #files: HeldFiles;
  #leaf: Leaf | undefined;

  constructor(limits: LeafLimits, keeper: FileKeeper) {
    this.#limits = limits;
    this.#files = new HeldFiles(keeper, (path) => this.#leaf?.letGo(path));
  }

  warm(): void {
    this.#started();
  }
  threadOf(): number {
    return 0;
  }
  async ask(_thread: number, request: LeafRequest, paths: LocalPaths): Promise<LeafReply> {
    return this.#started().answer(request, paths);
  }
  async close(): Promise<void> {
    this.#leaf?.close();
    this.#leaf = undefined;
  }

  #started(): Leaf {
    this.#leaf ??= makeLeaf(this.#limits, (notice) => this.#files.note(notice));
    return this.#leaf;
  }
}
