import type { Scope } from "../base/index.ts";
import type { Tail } from "../ingest/index.ts";
import { isFrozen, type Manifest } from "../manifest/index.ts";
import { CellIndex } from "../selection/index.ts";
import type { Summaries } from "../shard/index.ts";
import { Exclusions } from "./exclusions.ts";
import { type LeafShard, leafShard, type ShardTarget } from "./leaf-request.ts";

/** One moment of a collection: what every part of one query sees. The tail must be read before the next await. */
export interface Snapshot {
  readonly scope: Scope;
  readonly manifest: Manifest;
  readonly targets: readonly ShardTarget[];
}

/** A collection as a log knows it: as it is now, or as it was. Manifest and tail are of one moment between two awaits. */
export interface LogView {
  readonly scope: Scope;
  readonly manifest: Manifest;
  readonly tail: Tail;
  /** Too old to be read without a look at storage. */
  readonly isOld: boolean;
  refresh(): Promise<void>;
}

/** Takes snapshots of a collection for queries. */
export class CollectionView {
  readonly log: LogView;
  readonly summaries: Summaries;
  readonly #exclusions: Exclusions;
  /** These go with their manifest. */
  readonly #shards = new WeakMap<Manifest, readonly LeafShard[]>();
  readonly #cells = new WeakMap<Manifest, CellIndex>();
  readonly #readable = new WeakMap<Manifest, Manifest>();

  constructor(log: LogView, summaries: Summaries) {
    this.log = log;
    this.summaries = summaries;
    this.#exclusions = new Exclusions(summaries);
  }

  /**
   * `strong`: holds every write acknowledged before the call. `eventual`: what this process knows already, if it is no older
   * than half of the time for which objects are kept that a newer manifest no longer names.
   */
  async refresh(consistency: "strong" | "eventual"): Promise<void> {
    if (consistency === "strong" || this.log.isOld) await this.log.refresh();
  }

  /** Synchronous: call it right after `refresh`, and read the tail in the same turn. */
  snapshot(): Snapshot {
    const { manifest, tail, scope } = this.log;
    this.#exclusions.update(manifest, tail);
    const targets = this.#shardsOf(manifest).map((entry) => ({ entry, excluded: this.#exclusions.of(entry.id) }));
    return { scope, manifest, targets };
  }

  #shardsOf(manifest: Manifest): readonly LeafShard[] {
    const known = this.#shards.get(manifest);
    if (known !== undefined) return known;
    const shards = manifest.shards.map(leafShard);
    this.#shards.set(manifest, shards);
    return shards;
  }

  /** The cells of a manifest whose summaries are loaded. */
  cellsOf(manifest: Manifest): CellIndex {
    const known = this.#cells.get(manifest);
    if (known !== undefined) return known;
    const candidates = manifest.shards.map((entry) => ({ entry, summary: this.summaries.of(entry.id) }));
    const index = new CellIndex(candidates);
    this.#cells.set(manifest, index);
    return index;
  }

  /** The manifest without its frozen shards: the same one when there are none. */
  readableOf(manifest: Manifest): Manifest {
    const known = this.#readable.get(manifest);
    if (known !== undefined) return known;
    const frozen = manifest.shards.some(isFrozen);
    const readable = frozen ? { ...manifest, shards: manifest.shards.filter((entry) => !isFrozen(entry)) } : manifest;
    this.#readable.set(manifest, readable);
    return readable;
  }

  /** Ids of the tail that may have a row in some shard. Synchronous, like `snapshot`. */
  maybeOutdated(): readonly string[] {
    return [...new Set(this.snapshot().targets.flatMap(({ excluded }) => excluded))];
  }
}
