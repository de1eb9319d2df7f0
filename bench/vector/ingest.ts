import { collectionName, settingsFrom, tenantName } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import { type BenchInput, batches } from "./input.ts";
import { stage } from "./stage.ts";

export interface IngestFigures {
  readonly documentsPerSecond: number;
  /** With the last folds, until everything is in shards. */
  readonly foldedPerSecond: number;
  readonly bytesPerDocument: number;
  readonly shards: number;
  readonly peakMiB: number;
}

await stage<BenchInput>(async (input): Promise<IngestFigures> => {
  const scope = { tenant: tenantName("default"), collection: collectionName("documents") };
  const engine = await Mosaic.open(
    settingsFrom({
      storagePath: `${input.folder}/storage`,
      cachePath: `${input.folder}/cache`,
      embeddingModel: "none",
    }),
  );
  let readMs = 0;
  const startedMs = performance.now();
  let readFrom = startedMs;
  for (const batch of batches(input, 1000)) {
    readMs += performance.now() - readFrom;
    await patiently(() => engine.putMany(scope, batch));
    readFrom = performance.now();
  }
  const writtenMs = performance.now() - startedMs - readMs;
  await engine.fold(scope);
  const foldedMs = performance.now() - startedMs - readMs;
  const { bytes, shards } = await engine.stats(scope);
  await engine.close();
  return {
    documentsPerSecond: (input.rows / writtenMs) * 1000,
    foldedPerSecond: (input.rows / foldedMs) * 1000,
    bytesPerDocument: bytes / input.rows,
    shards: shards.length,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  };
});

/** As a client does: waits when it is asked to. */
async function patiently<T>(task: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await task();
    } catch (error) {
      const { retryAfterMs } = error as { retryAfterMs?: number };
      if (retryAfterMs === undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
    }
  }
}
