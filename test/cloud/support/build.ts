import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildForThisMachine } from "../../../infra/local/packages.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of each function's package, by name. */
    folders: Readonly<Record<string, string>>;
  }
}

/** Builds the functions once, for all test files. */
export default async function build(project: TestProject): Promise<() => void> {
  // Outside of the checkout, where a package that was not shipped is not found.
  const into = mkdtempSync(join(tmpdir(), "mosaic-test-functions-"));
  const folders = await buildForThisMachine(into);
  project.provide("folders", Object.fromEntries(folders));
  return () => rmSync(into, { recursive: true, force: true });
}
