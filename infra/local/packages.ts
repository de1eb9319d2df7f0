import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildFunction } from "../../functions/build/package.ts";
import { MosaicError, packageRoot } from "../../src/base/index.ts";
import { functions } from "../table.ts";

/** Builds the functions that there are for this machine; gives the folder of each. */
export async function buildForThisMachine(into?: string): Promise<ReadonlyMap<string, string>> {
  const architecture = process.arch;
  if (architecture !== "arm64" && architecture !== "x64")
    throw new MosaicError("invalid", "build functions", { detail: "Lambda runs on arm64 and x64 only." });
  const folders = new Map<string, string>();
  for (const { name, file, embeds } of Object.values(functions)) {
    const path = join(packageRoot, file);
    if (!existsSync(path)) continue;
    const where = into === undefined ? {} : { into };
    folders.set(name, (await buildFunction({ name, file: path, architecture, embeds, ...where })).folder);
  }
  return folders;
}
