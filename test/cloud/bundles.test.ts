import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFunction, type FunctionPackage, mostPackageBytes } from "../../functions/build/package.ts";
import { functions } from "../../infra/table.ts";
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
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  for (const { name, file, embeds } of Object.values(functions))
    built.set(name, await buildFunction({ name, file: join(packageRoot, file), architecture, embeds, into }));
});
afterAll(() => rmSync(into, { recursive: true, force: true }));

describe("a leaf", () => {
  test("loads nothing of HTTP, SQL, models, Lambda or S3's client", () => {
    const wanted = [
      "hono",
      "zod",
      "@hono/zod-openapi",
      "sqlite3-parser",
      "@huggingface/transformers",
      "@aws-sdk/client-lambda",
      "@aws-sdk/client-s3",
    ];
    const rooms = ["src/http", "src/sql", "src/engine", "src/embedding", "src/lifecycle", "src/keys"];
    expect([...loaded("leaf")].filter((owner) => [...wanted, ...rooms].includes(owner))).toEqual([]);
  });
});

describe.each(Object.values(functions))("the package of $name", ({ name, embeds }) => {
  test(`has ${embeds ? "the model and its runtime" : "neither model nor its runtime"}`, () => {
    const { bundle, folder } = of(name);
    const parts = ["models", "embedding-worker.js", "node_modules/onnxruntime-node"];
    expect(bundle.packages.includes("onnxruntime-node")).toBe(embeds);
    expect(parts.filter((part) => existsSync(join(folder, part)))).toEqual(embeds ? parts : []);
  });

  test("has of the S3 client what it uses, and not what it doesn't", () => {
    const { bundle } = of(name);
    const text = Object.keys(bundle.metafile.outputs)
      .filter((path) => path.endsWith(".js"))
      .map((path) => readFileSync(join(packageRoot, path), "utf8"))
      .join("\n");
    expect([text.includes("x-id=GetObject"), text.includes("PutBucketLifecycleConfigurationRequest")]).toEqual([
      true,
      false,
    ]);
  });
});

describe.each(["api", "stream"])("%s", (name) => {
  test("loads neither model, parser, stemmer nor AWS's clients before a request needs them", () => {
    const parts = /^(@huggingface|onnxruntime|sqlite3-parser|snowball|@aws-sdk\/client)/;
    const late = [...loaded(name)].filter((owner) => parts.test(owner));
    expect(late).toEqual([]);
  });
});

test("packages are far below what Lambda takes", () => {
  for (const { bytes } of built.values()) expect(bytes).toBeLessThan(mostPackageBytes / 2);
});
