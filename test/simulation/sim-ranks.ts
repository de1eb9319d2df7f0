import { sha256 } from "../../src/base/index.ts";
import type { RankedGraph, RankOptions, RankSource, RankThread, WrittenRanks } from "../../src/lifecycle/index.ts";
import { decodeRows, type Files, type SimRow } from "./sim-shards.ts";
import { DeadRows } from "./sim-summary.ts";

/** Gives all documents of a graph one rank: what links are worth is proved elsewhere, here ranks are only carried about. */
export class SimRanker implements RankThread {
  readonly #files: Files;
  readonly #ids = new Set<string>();
  #rank = 0;

  readonly #ofOtherRows: boolean;

  /** `ofOtherRows`: a bug that is planted. */
  constructor(files: Files, ofOtherRows: boolean) {
    this.#files = files;
    this.#ofOtherRows = ofOtherRows;
  }

  async begin(): Promise<void> {
    this.#ids.clear();
  }
  async read({ path, documents, deadBits }: RankSource): Promise<void> {
    const dead = deadBits === null ? DeadRows.none(documents) : new DeadRows(documents, deadBits, 0);
    this.#rows(path).forEach(({ id }, row) => {
      if (!dead.isDead(row)) this.#ids.add(id);
    });
  }
  /** The damping that was asked for, so that whoever asks can tell one run from another. */
  async rank({ damping }: RankOptions): Promise<RankedGraph> {
    this.#rank = damping;
    return { documents: this.#ids.size, links: 0, iterations: 1, converged: true };
  }
  async write({ path: shardPath }: RankSource, _shard: string, path: string): Promise<WrittenRanks> {
    const values = this.#rows(shardPath).map(({ id }) => (this.#ids.has(id) ? this.#rank : 0));
    if (this.#ofOtherRows) values.sort((a, b) => b - a);
    const bytes = Buffer.from(JSON.stringify(values));
    this.#files.set(path, bytes);
    return { sizeBytes: bytes.length, sha256: sha256(bytes), min: Math.min(...values), max: Math.max(...values) };
  }
  async discard(path: string): Promise<void> {
    this.#files.delete(path);
  }
  async done(folder: string): Promise<void> {
    for (const path of [...this.#files.keys()]) if (path.startsWith(folder)) this.#files.delete(path);
  }

  #rows(path: string): readonly SimRow[] {
    return decodeRows(this.#files.get(path) as Uint8Array);
  }
}
