import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { hasS3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { expectToSurvive, kills } from "./support/kills.ts";

const title = `a server on S3, killed ${kills} times under concurrent writes, folds, compactions and gc, loses nothing that was acknowledged`;
test.skipIf(!hasS3Server)(hasS3Server ? title : `${title} (${withoutS3Server})`, { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-kill-"));
  const s3 = await startS3Server();
  onTestFinished(async () => {
    await s3.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await s3.createBucket("kill");
  await expectToSurvive({ ...s3.env, STORAGE_PATH: "s3://kill/some/prefix", CACHE_PATH: join(folder, "cache") });
});
