import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildFunction } from "../../../functions/build/package.ts";
import { packageRoot } from "../../../src/base/index.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the function that the HTTP tests reach through the gateway. */
    apiFunction: string;
  }
}

/** Builds it once, for all test files. */
export default async function build(project: TestProject): Promise<() => void> {
  const into = join(packageRoot, "dist", `test-api-${process.pid}`);
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  const file = join(import.meta.dirname, "api-function.ts");
  project.provide("apiFunction", (await buildFunction({ name: "api", file, architecture, into })).folder);
  return () => rmSync(into, { recursive: true, force: true });
}
