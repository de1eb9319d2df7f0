import { join } from "node:path";
import { IdNumbers } from "./id-numbers.ts";
import { LinkFile } from "./link-file.ts";

/** Links in compressed sparse rows, as PageRank takes them. */
export interface SparseRows {
  readonly starts: Uint32Array;
  readonly targets: Uint32Array;
}

/**
 * Documents and the links between them, as they are read shard by shard: some 30 bytes a document and 4 a link in memory, 20
 * a link on disk until the graph is whole. As in a directed graph of networkx (DiGraph), a link counts once however often a
 * document repeats it, and a document may link to itself; links to what is no document are left out.
 */
export class LinkGraph {
  readonly #ids: IdNumbers;
  readonly #links: LinkFile;

  /** `folder`: an existing local folder. */
  constructor(folder: string, mostDocuments: number) {
    this.#ids = new IdNumbers(mostDocuments);
    this.#links = new LinkFile(join(folder, "links"));
  }

  get documents(): number {
    return this.#ids.count;
  }

  /** The node of a document. */
  add(id: string): number {
    return this.#ids.add(id);
  }

  /** All links of a node come one after the other, and nodes in the order of their numbers. */
  link(node: number, target: string): void {
    this.#links.add(node, target);
  }

  nodeOf(id: string): number | undefined {
    return this.#ids.of(id);
  }

  rows(): SparseRows {
    const starts = new Uint32Array(this.documents + 1);
    const all = new Uint32Array(this.#links.count);
    let used = 0;
    let first = 0;
    let current = -1;
    const close = (): void => {
      if (current < 0) return;
      used = distinctFrom(all, first, used);
      starts[current + 1] = used - first;
      first = used;
    };
    this.#links.each((node, words, at) => {
      if (node !== current) {
        close();
        current = node;
      }
      const target = this.#ids.ofFingerprint(words, at);
      if (target !== undefined) all[used++] = target;
    });
    close();
    for (let node = 0; node < this.documents; node++)
      starts[node + 1] = (starts[node + 1] as number) + (starts[node] as number);
    return { starts, targets: all.subarray(0, used) };
  }

  close(): void {
    this.#links.remove();
  }
}

/** Sorts the values from `first` to `end` and keeps one of each; returns where they end. */
function distinctFrom(values: Uint32Array, first: number, end: number): number {
  values.subarray(first, end).sort();
  let kept = first;
  for (let at = first; at < end; at++) {
    if (at === first || values[at] !== values[at - 1]) values[kept++] = values[at] as number;
  }
  return kept;
}
