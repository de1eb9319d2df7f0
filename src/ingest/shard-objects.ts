import {
  type Clock,
  collectionPrefix,
  formatTimestamp,
  type Random,
  type Scope,
  type ShardId,
  sha256,
} from "../base/index.ts";
import {
  type DeletesRef,
  liveKeys,
  type Manifest,
  type ObjectRef,
  quarantinedKeys,
  type RanksRef,
  type ShardEntry,
  type ShardStatus,
} from "../manifest/index.ts";
import { DeadRows, DeadTerms, type ObjectFiles, type PathOf, type RanksFile, readChecked } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import type { MeasuredShard } from "./build-job.ts";

export interface ShardObjectsParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly localObjects: ObjectFiles;
}

/** Puts what a build made where it belongs; nothing of it is visible until a manifest names it. */
export class ShardObjects {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #localObjects: ObjectFiles;
  readonly #prefix: string;

  constructor(parts: ShardObjectsParts, scope: Scope) {
    this.#clock = parts.clock;
    this.#store = parts.store;
    this.#random = parts.random;
    this.#localObjects = parts.localObjects;
    this.#prefix = collectionPrefix(scope);
  }

  /** Three PUTs. `build`: shared by the shards that were put into cells together. */
  async put(built: MeasuredShard, build: string, status: ShardStatus): Promise<ShardEntry> {
    const file = { key: `${this.#prefix}shards/${built.shard}.db`, ...built.file };
    const summary = refOf(`${this.#prefix}summaries/${built.shard}`, built.summary);
    const terms = refOf(`${this.#prefix}terms/${built.shard}`, built.terms);
    await Promise.all([
      this.#store.put(file.key, { path: built.path }),
      this.#store.put(summary.key, built.summary),
      this.#store.put(terms.key, built.terms),
    ]);
    this.#localObjects.trust(file);
    const { documents, vectors, cells, createdAt } = built;
    const placedAt = formatTimestamp(this.#clock.now());
    const facts = { documents, vectors, cells, build, createdAt, status, placedAt };
    return { id: built.shard as ShardId, file, summary, terms, deletes: null, ...facts };
  }

  async deadRows({ deletes, documents }: Pick<ShardEntry, "deletes" | "documents">): Promise<DeadRows> {
    if (deletes === null) return DeadRows.none(documents);
    return DeadRows.decode(await readChecked(this.#store, deletes), deletes.key);
  }

  /**
   * A new bitmap, one PUT, in which `rows` are dead as well as those of `before`; undefined when all of them were. `terms`: see
   * `DeadRows.with`.
   */
  async putDeaths(
    entry: ShardEntry,
    before: DeadRows,
    rows: readonly number[],
    terms: Uint8Array | undefined,
  ): Promise<DeletesRef | undefined> {
    const after = before.with(rows, terms === undefined ? undefined : DeadTerms.decode(terms, entry.file.key));
    if (after.count === before.count) return undefined;
    const generation = (entry.deletes?.generation ?? 0) + 1;
    const bytes = after.encode();
    const key = `${this.#prefix}deletes/${entry.id}-${generation}-${this.#random.nonce(6)}`;
    await this.#store.put(key, bytes, { ifNoneMatch: "*" });
    return { key, sizeBytes: bytes.length, sha256: sha256(bytes), generation, count: after.count };
  }

  /** Ranks that were written for a shard's rows, one PUT. */
  async putRanks(entry: ShardEntry, path: string, written: Omit<RanksRef, "key">): Promise<RanksRef> {
    const { sizeBytes, sha256: checksum, min, max } = written;
    const key = `${this.#prefix}ranks/${entry.id}-${this.#random.nonce(6)}`;
    await this.#store.put(key, { path });
    return { key, sizeBytes, sha256: checksum, min, max };
  }

  /** Deletes what a lost swap leaves behind; when its loss is in doubt the manifest, read after it, decides. */
  async discard(keys: readonly string[], current: Manifest | undefined): Promise<void> {
    const named = new Set([
      ...(current === undefined ? [] : [...liveKeys(current), ...quarantinedKeys(current)]),
      ...(current?.condemned ?? []).flatMap((one) => one.keys),
    ]);
    await Promise.all(keys.filter((key) => !named.has(key)).map((key) => this.#store.delete(key)));
  }
}

const refOf = (key: string, bytes: Uint8Array): ObjectRef => ({ key, sizeBytes: bytes.length, sha256: sha256(bytes) });

/** The file of a shard's ranks, where there is one; it must be pinned. */
export const ranksOf = ({ id, ranks }: ShardEntry, pathOf: PathOf): RanksFile | null =>
  ranks === undefined ? null : { shard: id, path: pathOf(ranks), expected: ranks };
