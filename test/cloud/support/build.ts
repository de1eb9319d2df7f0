import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildForThisMachine } from "../../../infra/local/packages.ts";
import { packageRoot } from "../../../src/base/index.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of each function's package, by name. */
    folders: Readonly<Record<string, string>>;
  }
}

/** Builds the functions once, for all test files. */
export default async function build(project: TestProject): Promise<() => void> {
  const into = join(packageRoot, "dist", `test-functions-${process.pid}`);
  const folders = await buildForThisMachine(into);
  project.provide("folders", Object.fromEntries(folders));
  return () => rmSync(into, { recursive: true, force: true });
}
