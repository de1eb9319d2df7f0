import { collectionName, settingsFrom, tenantName } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import type { BenchInput } from "../vector/input.ts";
import { stage } from "../vector/stage.ts";

await stage<BenchInput>(async ({ folder }): Promise<{ readonly shards: number }> => {
  const scope = { tenant: tenantName("default"), collection: collectionName("documents") };
  const paths = { storagePath: `${folder}/storage`, cachePath: `${folder}/cache` };
  const settings = settingsFrom({ ...paths, embeddingModel: "none", gcGraceMs: 0, snapshotKeepMs: 0 });
  const engine = await Mosaic.open(settings);
  const { id } = await engine.compact(scope);
  await engine.jobEnded(id);
  const { shards } = await engine.stats(scope);
  await engine.close();
  return { shards: shards.length };
});
