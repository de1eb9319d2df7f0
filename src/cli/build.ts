/**
 * `npm run build`: bundles the command line, the library and the workers into dist/. Packages stay in node_modules.
 * The server starts in a third of the time that it takes from source.
 */
import { copyFileSync, globSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { packageRoot } from "../base/index.ts";

const at = (...parts: readonly string[]): string => join(packageRoot, ...parts);
const workers = globSync("src/**/*-worker.ts", { cwd: packageRoot });

rmSync(at("dist"), { recursive: true, force: true });
await build({
  entryPoints: [
    { in: at("src/cli/main.ts"), out: "mosaic" },
    { in: at("src/engine/index.ts"), out: "engine" },
    // Workers are found by name beside whatever imports them: see base/worker-url.ts.
    ...workers.map((file) => ({ in: at(file), out: basename(file, ".ts") })),
  ],
  outdir: at("dist"),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  packages: "external",
  sourcemap: true,
  logLevel: "warning",
});
copyFileSync(at("src/shard/kernel/kernel.wasm"), at("dist/kernel.wasm"));
