/**
 * Runs after `npm install`: onnxruntime-node carries the binaries of every platform (288 MB), of which this machine
 * can load one folder. Plain JavaScript, because installing must work under any Node; it never fails an install, and
 * removes nothing unless this machine's own binary is there.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..", "node_modules", "onnxruntime-node", "bin");

function foldersOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
}

try {
  for (const binaries of foldersOf(root)) {
    const own = join(binaries, process.platform, process.arch);
    if (!existsSync(join(own, "onnxruntime_binding.node"))) continue;
    for (const folder of foldersOf(binaries).flatMap(foldersOf)) {
      if (folder !== own) rmSync(folder, { recursive: true, force: true });
    }
  }
} catch {
  // A bigger install is no reason to fail one.
}
