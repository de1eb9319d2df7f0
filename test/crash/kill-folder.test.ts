import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { expectToSurvive, kills } from "./support/kills.ts";

test(`a server on a folder, killed ${kills} times under concurrent writes, folds, compactions and gc, loses nothing that was acknowledged`, {
  timeout: 600_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-kill-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await expectToSurvive({ STORAGE_PATH: join(folder, "data"), CACHE_PATH: join(folder, "cache") });
});
