import { type ShardId, scopeOf } from "../../src/base/index.ts";
import { emptyManifest, type Manifest, type ObjectRef, type ShardEntry } from "../../src/manifest/index.ts";

export const scope = scopeOf("acme", "docs");

export const ref = (key: string): ObjectRef => ({ key, sizeBytes: 10, sha256: "0".repeat(64) });

export const shard = (id: string, changes: Partial<ShardEntry> = {}): ShardEntry => ({
  id: id as ShardId,
  file: ref(`shards/${id}.db`),
  summary: ref(`summaries/${id}`),
  terms: ref(`terms/${id}`),
  deletes: null,
  documents: 100,
  vectors: 90,
  cells: 1,
  build: id,
  createdAt: { min: "2024-03-01 10:00:00", max: "2024-03-02 10:00:00" },
  status: "active",
  ...changes,
});

export const deletes = (id: string, generation: number, count: number): ShardEntry["deletes"] => ({
  ...ref(`deletes/${id}-${generation}-abc`),
  generation,
  count,
});

export const settings: Manifest["settings"] = {
  dimensions: 8,
  distance: "cosine",
  embeddingModel: "none",
  precision: "float32",
  language: "english",
  clusterBy: "embedding",
  shardMaxDocs: 1000,
};

export const manifest = (changes: Partial<Manifest> = {}): Manifest => ({
  ...emptyManifest(scope, settings, { incarnation: "one", at: "2024-03-01 10:00:00", foldedThrough: 5 }),
  shards: [shard("a", { deletes: deletes("a", 2, 10) }), shard("b")],
  ...changes,
});
