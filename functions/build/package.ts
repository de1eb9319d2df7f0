import { chmodSync, copyFileSync, cpSync, globSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, packageVersion } from "../../src/base/index.ts";
import { type Bundle, bundle } from "./bundle.ts";
import { type Architecture, shipNatives } from "./natives.ts";

/** What a function is uploaded as, unzipped. */
export interface FunctionPackage {
  readonly name: string;
  readonly architecture: Architecture;
  readonly folder: string;
  readonly bundle: Bundle;
  readonly bytes: number;
}

export interface Wanted {
  readonly name: string;
  /** Exports `handler`. */
  readonly file: string;
  readonly architecture: Architecture;
  /** Has the embedding model and its runtime in its package. */
  readonly embeds: boolean;
  /** Where packages lie: `dist/functions` by default. */
  readonly into?: string;
}

/** Lambda takes no more, unzipped, with its layers. */
export const mostPackageBytes = 250 * 1024 * 1024;

/** Builds one function: `index.handler` of `<into>/<architecture>/<name>`. */
export async function buildFunction({ name, file, architecture, embeds, into }: Wanted): Promise<FunctionPackage> {
  const folder = join(into ?? join(packageRoot, "dist", "functions"), architecture, name);
  const bundled = await bundle(file, folder, embeds);
  shipNatives(bundled.packages, architecture, folder);
  if ("src/shard/kernel/memory.ts" in bundled.metafile.inputs)
    copyFileSync(join(packageRoot, "src/shard/kernel/kernel.wasm"), join(folder, "kernel.wasm"));
  // It is what the embedding thread loads, and the only thing that does.
  if (bundled.packages.includes("onnxruntime-node"))
    cpSync(join(packageRoot, "models"), join(folder, "models"), { recursive: true });
  // Names the package, and says that its files are modules: see base/package-root.ts.
  writeFileSync(
    join(folder, "package.json"),
    `${JSON.stringify({ name: "mosaic", version: packageVersion, type: "module" })}\n`,
  );
  letAllRead(folder);
  return { name, architecture, folder, bundle: bundled, bytes: bytesOf(folder) };
}

/** Lambda runs it as another user, with the rights that files had here: those must not be this user's umask. */
function letAllRead(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}

const bytesOf = (folder: string): number =>
  globSync("**/*", { cwd: folder }).reduce((sum, path) => {
    const stats = statSync(join(folder, path));
    return sum + (stats.isFile() ? stats.size : 0);
  }, 0);
