import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";

test("kernel.wasm is what its source compiles to, byte for byte", () => {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-kernel-"));
  const out = join(folder, "kernel.wasm");
  const asc = join(packageRoot, "node_modules", "assemblyscript", "bin", "asc.js");
  const kernel = "src/shard/kernel";
  execFileSync(
    process.execPath,
    [asc, `${kernel}/assembly/kernel.ts`, "--config", `${kernel}/asconfig.json`, "--outFile", out],
    {
      cwd: packageRoot,
    },
  );
  const [built, committed] = [readFileSync(out), readFileSync(join(packageRoot, kernel, "kernel.wasm"))];
  rmSync(folder, { recursive: true });
  expect(built.equals(committed), "run: npm run build:kernel").toBe(true);
});
