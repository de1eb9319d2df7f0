import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { scopeOf, settingsFrom } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import { dimensions, readDocuments, readVectors, rowOf } from "../data.ts";

export interface CollectionsInput {
  readonly storage: string;
  readonly rows: number;
  readonly shardCounts: readonly number[];
}

export const nameOf = (shards: number): string => `shards-${shards}`;

/** The same documents once for each number of shards, a collection each. */
export async function makeCollections({ storage, rows, shardCounts }: CollectionsInput): Promise<void> {
  const cachePath = join(storage, "..", "cache");
  const engine = await Mosaic.open(
    settingsFrom({
      storagePath: storage,
      cachePath,
      embeddingModel: "none",
      // A shard is what one fold makes: nothing folds before it is asked for.
      foldSegments: 1_000_000,
      foldBytes: 2 ** 31,
      tailMaxBytes: 2 ** 31,
      foldIdleMs: 0,
    }),
  );
  const documents = readDocuments().slice(0, rows);
  const vectors = readVectors();
  for (const shards of shardCounts) {
    if (existsSync(join(storage, "tenants", "default", nameOf(shards), "manifest.json"))) continue;
    const scope = scopeOf("default", nameOf(shards));
    await engine.createCollection(scope, { dimensions, embedding_model: "none", shard_max_docs: rows / shards });
    // A fold of as many documents as a shard may have is merged with no other.
    const each = rows / shards;
    for (let from = 0; from < rows; from += each) {
      for (let at = from; at < from + each; at += 1000) {
        const batch = documents.slice(at, Math.min(at + 1000, from + each));
        await engine.putMany(
          scope,
          batch.map(({ id, text }, index) => ({ id, text, embedding: rowOf(vectors, at + index) })),
        );
      }
      await engine.fold(scope);
    }
    const { shards: made } = await engine.stats(scope);
    if (made.length !== shards) throw new Error(`${made.length} shards were made, not ${shards}`);
  }
  await engine.close();
  rmSync(cachePath, { recursive: true, force: true });
}
