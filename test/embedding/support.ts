import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type EmbeddingSettings, openEmbedder } from "../../src/embedding/index.ts";
import type { ModelSpec } from "../../src/embedding/model-spec.ts";

export const settings: EmbeddingSettings = {
  embeddingModel: "local",
  embeddingUrl: undefined,
  embeddingApiKey: undefined,
  embeddingThreads: 2,
  cachePath: join(tmpdir(), "mosaic-embedding-test"),
};

export const open = (changes: Partial<EmbeddingSettings> = {}) => openEmbedder({ ...settings, ...changes });

export const modelFolder = join(import.meta.dirname, "..", "..", "models", "all-MiniLM-L6-v2");
export const localSpec: ModelSpec = { from: "folder", folder: modelFolder, dtypes: ["q8"], maxTokens: 256 };

const entry = new URL("../../src/embedding/threads/embedding-worker.ts", import.meta.url);

/** Starts the real thread and keeps it, so that a test can end it. */
export function keepingSpawn(): { workers: Worker[]; spawn: (spec: ModelSpec) => Worker } {
  const workers: Worker[] = [];
  const spawn = (spec: ModelSpec): Worker => {
    const worker = new Worker(entry, { workerData: spec });
    workers.push(worker);
    return worker;
  };
  return { workers, spawn };
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}
