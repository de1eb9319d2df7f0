import { readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectionName, settingsFrom, tenantName } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import type { BenchInput } from "../vector/input.ts";
import { stage } from "../vector/stage.ts";

export interface CompactionFigures {
  readonly seconds: number;
  readonly peakMiB: number;
  /** Of temporary files; the old and the new shards in storage are not counted. */
  readonly peakDiskMiB: number;
  readonly shardsBefore: number;
  readonly shards: number;
  readonly bytesPerDocument: number;
}

await stage<BenchInput>(async (input): Promise<CompactionFigures> => {
  const scope = { tenant: tenantName("default"), collection: collectionName("documents") };
  const engine = await Mosaic.open(
    settingsFrom({
      storagePath: `${input.folder}/storage`,
      cachePath: `${input.folder}/cache`,
      embeddingModel: "none",
      compactAutomatically: false,
    }),
  );
  const shardsBefore = (await engine.stats(scope)).shards.length;
  let peakDiskBytes = 0;
  const watch = setInterval(() => {
    peakDiskBytes = Math.max(peakDiskBytes, temporaryBytes());
  }, 500);
  const startedMs = performance.now();
  const { id } = await engine.compact(scope);
  await engine.jobEnded(id);
  const seconds = (performance.now() - startedMs) / 1000;
  clearInterval(watch);
  const { bytes, shards } = await engine.stats(scope);
  await engine.close();
  return {
    seconds,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    peakDiskMiB: peakDiskBytes / 2 ** 20,
    shardsBefore,
    shards: shards.length,
    bytesPerDocument: bytes / input.rows,
  };
});

/** Of this process's own temporary folders; the runner gave it a temporary folder of its own. */
function temporaryBytes(): number {
  return readdirSync(tmpdir(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + sizeOf(join(parentPath, name)), 0);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
