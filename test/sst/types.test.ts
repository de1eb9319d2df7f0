import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";

/** Compiles as soon as each of its lines is wrong to SST's types. */
const wrong = `
/// <reference path="../platform/config.d.ts" />
// @ts-expect-error A queue has no colour.
new sst.aws.Queue("Queue", { colour: "red" });
// @ts-expect-error Memory has a unit.
new sst.aws.Function("Function", { handler: "index.handler", memory: 1769 });
// @ts-expect-error A lifecycle rule has a status.
new aws.s3.BucketLifecycleConfiguration("Lifecycle", { bucket: "files", rules: [{ id: "all" }] });
// @ts-expect-error There is no such component.
new sst.aws.Buckett("Files");
`;

test("sst.config.ts and infra/ fit SST's own types, which would see a mistake", async () => {
  const folder = mkdtempSync(join(packageRoot, ".sst", "types-"));
  try {
    writeFileSync(join(folder, "wrong.ts"), wrong);
    const config = {
      extends: "../../infra/tsconfig.json",
      include: ["../../sst.config.ts", "../../infra/*.ts", "../../infra/check/*.ts", "wrong.ts"],
      exclude: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
    const checked = await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"]).catch(
      (failure: { stdout: string }) => failure,
    );
    expect(checked.stdout).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
