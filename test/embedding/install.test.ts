import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

interface Entry {
  readonly name?: string;
  readonly version: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const lock = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8");
const { packages } = JSON.parse(lock) as { packages: Record<string, Entry> };
const installed = (name: string): Entry | undefined => packages[`node_modules/${name}`];

describe("package-lock.json", () => {
  test("lets no npm run the script that downloads CUDA", () => {
    expect(installed("onnxruntime-node")).toBeDefined();
    expect(installed("onnxruntime-node")?.hasInstallScript).toBeUndefined();
  });

  test.for(["sharp", "onnxruntime-web"])("has nothing in place of %s", (name) => {
    expect(installed(name)?.name).toBe("empty-npm-package");
  });

  // `npm ci` refuses a lock without them, on every platform; npm leaves them out when a registry has not got them yet.
  test("knows every optional dependency's binaries for every platform", () => {
    const missing = Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !installed(name) && !packages[`${from}/node_modules/${name}`]),
    );
    expect(missing).toEqual([]);
  });
});
