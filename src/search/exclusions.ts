import type { Tail } from "../ingest/index.ts";
import type { Manifest } from "../manifest/index.ts";
import { hashOf, type Summaries } from "../shard/index.ts";

/**
 * For each shard, the ids of the tail that may have a row in it: those rows are out of date. Kept up as the tail grows;
 * made anew with each generation, because a fold turns such rows into dead ones.
 */
export class Exclusions {
  readonly #summaries: Summaries;
  #generation = -1;
  #through = -1;
  #byShard = new Map<string, Set<string>>();

  constructor(summaries: Summaries) {
    this.#summaries = summaries;
  }

  of(shard: string): readonly string[] {
    return [...(this.#byShard.get(shard) ?? [])];
  }

  /** Call in the same turn in which the snapshot is taken. */
  update(manifest: Manifest, tail: Tail): void {
    if (manifest.generation !== this.#generation) {
      this.#generation = manifest.generation;
      this.#through = manifest.foldedThrough;
      this.#byShard = new Map(manifest.shards.map(({ id }) => [id, new Set()]));
    }
    if (tail.lastSequence <= this.#through) return;
    for (const id of tail.idsSince(this.#through)) this.#add(id);
    this.#through = tail.lastSequence;
  }

  #add(id: string): void {
    const hash = hashOf(id);
    for (const [shard, ids] of this.#byShard) {
      if (this.#summaries.of(shard).ids.mayHoldHash(hash)) ids.add(id);
    }
  }
}
