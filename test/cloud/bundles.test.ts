import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFunction, type FunctionPackage, mostPackageBytes } from "../../functions/build/package.ts";
import { packageRoot } from "../../src/base/index.ts";

let into: string;
const built = new Map<string, FunctionPackage>();
const of = (name: string): FunctionPackage => built.get(name) as FunctionPackage;
/** Packages and rooms that are loaded before the first request. */
const loaded = (name: string): ReadonlySet<string> => new Set(of(name).bundle.initialInputs.map(ownerOf));
const ownerOf = (input: string): string =>
  /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? input.split("/").slice(0, 2).join("/");

beforeAll(async () => {
  into = mkdtempSync(join(tmpdir(), "mosaic-bundles-"));
  for (const name of ["api", "stream", "leaf"]) {
    const file = join(packageRoot, "functions", `${name}.ts`);
    built.set(
      name,
      await buildFunction({ name, file, architecture: process.arch === "arm64" ? "arm64" : "x64", into }),
    );
  }
});
afterAll(() => rmSync(into, { recursive: true, force: true }));

describe("a leaf", () => {
  test("loads nothing of HTTP, SQL, models or Lambda", () => {
    const wanted = [
      "hono",
      "zod",
      "@hono/zod-openapi",
      "sqlite3-parser",
      "@huggingface/transformers",
      "@aws-sdk/client-lambda",
    ];
    const rooms = ["src/http", "src/sql", "src/engine", "src/embedding", "src/lifecycle", "src/keys"];
    expect([...loaded("leaf")].filter((owner) => [...wanted, ...rooms].includes(owner))).toEqual([]);
  });

  test("has no model in its package", () => expect(of("leaf").bundle.packages).not.toContain("onnxruntime-node"));
});

describe.each(["api", "stream"])("%s", (name) => {
  test("loads neither model, parser, stemmer nor AWS's SDK before a request needs them", () => {
    const parts = /^(@huggingface|onnxruntime|sqlite3-parser|snowball|@aws-sdk|@smithy)/;
    const late = [...loaded(name)].filter((owner) => parts.test(owner));
    expect(late).toEqual([]);
  });

  test("has the model in its package", () => expect(of(name).bundle.packages).toContain("onnxruntime-node"));
});

test("packages are far below what Lambda takes", () => {
  for (const { bytes } of built.values()) expect(bytes).toBeLessThan(mostPackageBytes / 2);
});
