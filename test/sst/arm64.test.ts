import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFunction } from "../../functions/build/package.ts";
import { architecture, functions } from "../../infra/table.ts";
import { packageRoot } from "../../src/base/index.ts";

/**
 * Node for the processor that functions run on: this one, or a command such as
 * `qemu-aarch64 -cpu neoverse-n1 -L /usr/aarch64-linux-gnu node-arm64/bin/node`. An emulator shows this machine's own
 * /sys/devices/system/cpu, which Lambda does not have: hide it (`unshare -m` and a bind mount).
 */
const node = process.env["MOSAIC_ARM64_NODE"]?.split(" ") ?? (process.arch === architecture ? [process.execPath] : []);

describe.skipIf(node.length === 0)("on its own processor (skipped without MOSAIC_ARM64_NODE on others)", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mosaic-arm64-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("the package of api embeds, stores and finds", async () => {
    const { name, file, embeds, environment } = functions.api;
    const built = await buildFunction({
      ...{ name, file: join(packageRoot, file), architecture, embeds },
      into: join(folder, "functions"),
    });
    const [program = "", ...before] = node;
    const script = join(import.meta.dirname, "support", "answer.mjs");
    const { stdout } = await promisify(execFile)(program, [...before, script, built.folder], {
      env: {
        ...environment,
        PATH: process.env["PATH"],
        LD_LIBRARY_PATH: process.env["LD_LIBRARY_PATH"],
        STORAGE_PATH: join(folder, "data"),
        CACHE_PATH: join(folder, "cache"),
        MOSAIC_ALLOW_OPEN: "1",
      },
    });
    expect(JSON.parse(stdout)).toEqual([
      [201, "apple"],
      [201, "car"],
      [200, "apple"],
      [200, "car"],
    ]);
  }, 600_000);
});
