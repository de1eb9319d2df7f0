import type { DeadRows } from "../file/bitmap.ts";
import type { RowSources } from "./rows.ts";

/** A shard file that a build reads: its first `vectors` rows have a vector. */
export interface SourceShard {
  readonly path: string;
  readonly dead: DeadRows;
  readonly documents: number;
  readonly vectors: number;
  readonly sizeBytes: number;
  /** By row, instead of the file's own. */
  readonly ranks?: Float64Array | undefined;
}

/** The live rows of some shards as numbers: row r of shard s is `base[s] + r`. A few bytes a row, however many. */
export class LiveRows {
  readonly shards: readonly SourceShard[];
  readonly sources: RowSources;
  readonly #base: Uint32Array;

  constructor(shards: readonly SourceShard[], sources: RowSources) {
    this.shards = shards;
    this.sources = sources;
    let next = 0;
    this.#base = Uint32Array.from(shards, ({ documents }) => {
      next += documents;
      return next - documents;
    });
  }

  /** Rows, dead ones included: numbers are below this. */
  get size(): number {
    return this.shards.reduce((sum, { documents }) => sum + documents, 0);
  }

  first(shard: number): number {
    return this.#base[shard] as number;
  }

  locate(number: number): { readonly source: number; readonly row: number } {
    let low = 0;
    let high = this.#base.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#base[middle] as number) <= number) low = middle;
      else high = middle - 1;
    }
    return { source: low, row: number - (this.#base[low] as number) };
  }

  /** Live rows with a vector, or those without, by rising number. */
  numbers(kind: "vector" | "plain"): Uint32Array {
    const out = new Uint32Array(this.size);
    let count = 0;
    this.shards.forEach(({ dead, documents, vectors }, shard) => {
      const [from, to] = kind === "vector" ? [0, vectors] : [vectors, documents];
      for (let row = from; row < to; row++) if (!dead.isDead(row)) out[count++] = this.first(shard) + row;
    });
    return out.slice(0, count);
  }
}
