import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MosaicError, packageRoot } from "../../src/base/index.ts";
import type { ShippedPackage } from "./bundle.ts";

export type Architecture = "arm64" | "x64";

/** Files of a package that one platform needs. */
interface Part {
  readonly name: string;
  readonly files: readonly string[];
}

const partsOf: Readonly<Record<ShippedPackage, (architecture: Architecture) => readonly Part[]>> = {
  "better-sqlite3": (architecture) => [
    { name: "better-sqlite3", files: ["package.json", "lib", `prebuilds/linux-${architecture}.node`] },
  ],
  "sqlite-vec": (architecture) => [
    { name: "sqlite-vec", files: ["package.json", "index.mjs", "index.cjs"] },
    { name: `sqlite-vec-linux-${architecture}`, files: ["package.json", "vec0.so"] },
  ],
  "sqlite3-parser": () => [{ name: "sqlite3-parser", files: ["package.json", "dist/generated", "dist/src"] }],
  "snowball-stemmers": () => [{ name: "snowball-stemmers", files: ["package.json", "snowball-stemmers.js"] }],
  "onnxruntime-node": (architecture) => [
    { name: "onnxruntime-node", files: ["package.json", "dist", `bin/napi-v6/linux/${architecture}`] },
    { name: "onnxruntime-common", files: ["package.json", "dist/cjs"] },
  ],
};

/** Puts what `packages` need on Linux of this architecture into `folder`/node_modules. */
export function shipNatives(packages: readonly ShippedPackage[], architecture: Architecture, folder: string): void {
  for (const { name, files } of packages.flatMap((wanted) => partsOf[wanted](architecture))) {
    for (const file of files) {
      const from = [installed(name), fetched(name)].map((at) => join(at, file)).find(existsSync) ?? fetch(name, file);
      const to = join(folder, "node_modules", name, file);
      mkdirSync(join(to, ".."), { recursive: true });
      cpSync(from, to, { recursive: true, filter: (path) => !/\.(map|d\.ts|d\.mts)$/.test(path) });
    }
  }
}

const installed = (name: string): string => join(packageRoot, "node_modules", name);
const fetched = (name: string): string => join(packageRoot, "node_modules", ".cache", "mosaic-natives", name);

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;
}

/** The package as it is published, for a platform that this machine did not install; it must be what the lock names. */
function fetch(name: string, file: string): string {
  const { packages } = JSON.parse(readFileSync(join(packageRoot, "package-lock.json"), "utf8")) as Lock;
  const locked = packages[`node_modules/${name}`];
  if (locked === undefined) throw missing(name, file);
  const folder = fetched(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pack = ["pack", `${name}@${locked.version}`, "--pack-destination", folder, "--json"];
  const [packed] = JSON.parse(execFileSync("npm", pack, { encoding: "utf8" })) as {
    filename: string;
    integrity: string;
  }[];
  if (packed?.integrity !== locked.integrity) throw missing(name, file);
  execFileSync("tar", ["-xzf", join(folder, packed.filename), "-C", folder, "--strip-components=1"]);
  rmSync(join(folder, packed.filename));
  const found = join(folder, file);
  if (!existsSync(found)) throw missing(name, file);
  return found;
}

const missing = (name: string, file: string): MosaicError =>
  new MosaicError("unavailable", "ship a package", {
    code: "package_missing",
    detail: `${name} has no ${file}, or is not what package-lock.json names.`,
    hint: "npm ci",
  });
