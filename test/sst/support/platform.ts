import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/index.ts";

/** The version that the pinned `sst` asks its Pulumi for; with another one it would try to download it. */
const pulumiVersion = "3.215.0";

const at = (...parts: readonly string[]): string => join(packageRoot, ...parts);
export const platform = at(".sst", "platform");

/** bun's package leaves the program in the package of its platform, or has moved it when its script was run. */
function bunProgram(): string {
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const places = [
    at("node_modules", "@oven", `bun-${process.platform}-${arch}`, "bin", "bun"),
    at("node_modules", "bun", "bin", "bun.exe"),
  ];
  const found = places.find(existsSync);
  if (found === undefined) throw new Error("bun is not installed: npm ci");
  return found;
}

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(at("node_modules", name, "package.json"), "utf8")) as { version: string }).version;

/** Where `sst` finds what it would download: Pulumi and bun. */
const home = at("node_modules", ".cache", "mosaic-sst");
export const sst = at("node_modules", ".bin", "sst");

/** What `sst` is started with, so that it downloads and tells nothing. */
export const sstEnvironment = (): Record<string, string> => ({
  HOME: home,
  XDG_CONFIG_HOME: home,
  SST_BUN_VERSION: versionOf("bun"),
  SST_TELEMETRY_DISABLED: "1",
});

/**
 * `sst install`, which writes `.sst/platform`: SST's components and their types, from the `sst` package and npm alone.
 * It wants Pulumi, and here only to be there: `pulumi.mjs` is enough, in a home of our own.
 */
export default function installPlatform(): void {
  const bin = join(home, "sst", "bin");
  mkdirSync(bin, { recursive: true });
  const pulumi = join(import.meta.dirname, "pulumi.mjs");
  writeFileSync(
    join(bin, "pulumi"),
    `#!/bin/sh\nPULUMI_VERSION=${pulumiVersion} exec "${process.execPath}" "${pulumi}" "$@"\n`,
  );
  chmodSync(join(bin, "pulumi"), 0o755);
  rmSync(join(bin, "bun"), { force: true });
  symlinkSync(bunProgram(), join(bin, "bun"));
  execFileSync(sst, ["install", "--stage", "check"], {
    cwd: packageRoot,
    stdio: "pipe",
    env: { ...process.env, ...sstEnvironment() },
  });
}
