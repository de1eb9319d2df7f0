import type { Kernel } from "../kernel/kernel.ts";
import { type BuildShape, type BuiltShard, buildGathered } from "./build.ts";
import { LiveRows, type SourceShard } from "./live-rows.ts";
import { orderedBy } from "./order.ts";
import { type Region, type RegionLimits, regionsByMeaning, regionsInOrder } from "./regions.ts";
import { type RowRef, RowSources, vectorsOf } from "./rows.ts";
import type { Partition } from "./split.ts";

export interface CompactInput extends RegionLimits {
  readonly shards: readonly SourceShard[];
  /** `embedding`, `created_at` or `metadata.<key>`: what rows that lie together have in common. */
  readonly clusterBy: string;
  /** Of the texts. */
  readonly language: string;
  /** Only for `embedding`, when these shards are a part of what is compacted. */
  readonly partition?: Partition;
}

/**
 * Rewrites the live rows of some shards as new ones, a region at a time: memory is a few bytes a row and the vectors of
 * one region, disk one new file. Synchronous and heavy: for a worker thread. The same input gives the same regions.
 */
export class Compact {
  readonly #input: CompactInput;
  readonly #rows: LiveRows;
  readonly #regions: readonly Region[];

  /** Opens the files, whose bytes were checked before, and divides their rows. */
  constructor(input: CompactInput) {
    this.#input = input;
    const sources = new RowSources(input.shards);
    this.#rows = new LiveRows(input.shards, sources);
    try {
      this.#regions = regionsOf(input, this.#rows);
    } catch (error) {
      sources.close();
      throw error;
    }
  }

  /** Rows and leaf of each region. */
  get regions(): readonly { readonly rows: number; readonly leaf: number }[] {
    return this.#regions.map(({ rows, leaf }) => ({ rows: rows.length, leaf }));
  }

  /** Usually one shard; more when its texts are longer than the average. */
  build(region: number, to: Pick<BuildShape, "folder" | "nextShardId">, kernel: Kernel): readonly BuiltShard[] {
    const { dimensions, distance, maxDocs, maxBytes, language, shards } = this.#input;
    const refs: RowRef[] = [];
    const plain: RowRef[] = [];
    for (const number of this.#regions[region]?.rows ?? []) {
      const { source, row } = this.#rows.locate(number);
      const { vectors, sizeBytes, documents } = shards[source] as SourceShard;
      (row < vectors ? refs : plain).push({ source, row, bytes: Math.ceil(sizeBytes / documents) });
    }
    const gathered = { refs, plain, vectors: vectorsOf(this.#rows.sources, refs, dimensions, distance) };
    return buildGathered(
      { ...to, dimensions, distance, maxDocs, maxBytes, language },
      gathered,
      this.#rows.sources,
      kernel,
    );
  }

  close(): void {
    this.#rows.sources.close();
  }
}

function regionsOf(input: CompactInput, rows: LiveRows): readonly Region[] {
  if (input.clusterBy !== "embedding") return regionsInOrder(rows, orderedBy(rows, input.clusterBy), input);
  const plain = rows.numbers("plain");
  const regions = regionsByMeaning(rows, input, input.partition);
  if (regions.length === 0) return regionsInOrder(rows, plain, input);
  return dealt(regions, plain);
}

/** Rows without a vector go to all regions alike. */
function dealt(regions: readonly Region[], plain: Uint32Array): readonly Region[] {
  const share = plain.length / regions.length;
  return regions.map(({ leaf, rows }, at) => {
    const own = plain.subarray(Math.floor(at * share), Math.floor((at + 1) * share));
    const all = new Uint32Array(rows.length + own.length);
    all.set(rows);
    all.set(own, rows.length);
    return { leaf, rows: all };
  });
}
