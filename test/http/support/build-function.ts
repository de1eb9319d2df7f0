import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { buildFunction } from "../../../functions/build/package.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the function that the HTTP tests reach through the gateway. */
    apiFunction: string;
  }
}

/** Builds it once, for all test files. */
export default async function build(project: TestProject): Promise<() => void> {
  // Outside of the checkout, where a package that was not shipped is not found.
  const into = mkdtempSync(join(tmpdir(), "mosaic-test-api-"));
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  const file = join(import.meta.dirname, "api-function.ts");
  project.provide("apiFunction", (await buildFunction({ name: "api", file, architecture, embeds: true, into })).folder);
  return () => rmSync(into, { recursive: true, force: true });
}
