/**
 * `npm run build:functions [-- --arch arm64|x64] [-- name…]`: a folder for each function that can be uploaded as it is,
 * `dist/functions/<architecture>/<name>`, with `index.handler`. By default for the architecture that `infra` deploys.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { architecture as deployed, functions } from "../../infra/table.ts";
import { MosaicError, packageRoot } from "../../src/base/index.ts";
import type { Architecture } from "./natives.ts";
import { buildFunction, type FunctionPackage, mostPackageBytes } from "./package.ts";

const { values, positionals } = parseArgs({
  options: { arch: { type: "string", multiple: true, default: [deployed] } },
  allowPositionals: true,
});

const isArchitecture = (text: string): text is Architecture => text === "arm64" || text === "x64";
const kb = (bytes: number): string => `${Math.round(bytes / 1024)} KB`.padStart(9);
const mb = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MB`.padStart(9);

function line({ name, architecture, bundle, bytes }: FunctionPackage): string {
  const sizes = `loaded at once ${kb(bundle.initialBytes)}   code ${kb(bundle.bytes)}   package ${mb(bytes)}`;
  return `${name.padEnd(10)} ${architecture.padEnd(6)} ${sizes}   ${bundle.packages.join(", ")}\n`;
}

const specs = Object.values(functions).filter(({ name }) => positionals.length === 0 || positionals.includes(name));
for (const architecture of values.arch) {
  if (!isArchitecture(architecture))
    throw new MosaicError("invalid", "build functions", { detail: "--arch is arm64 or x64." });
  for (const { name, file, embeds } of specs.filter((spec) => existsSync(join(packageRoot, spec.file)))) {
    const built = await buildFunction({ name, file: join(packageRoot, file), architecture, embeds });
    process.stdout.write(line(built));
    if (built.bytes > mostPackageBytes)
      throw new MosaicError("too_large", "build functions", { detail: `${name} is larger than Lambda takes.` });
  }
}
