import { globSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { packageRoot } from "../../src/base/index.ts";

/** Packages with machine code, and what reads files beside itself: they are shipped as they are. */
export const shipped = [
  "better-sqlite3",
  "sqlite-vec",
  "onnxruntime-node",
  // Loaded by the first request that needs them, at once, and so not by a bundler's import.
  "sqlite3-parser",
  "snowball-stemmers",
] as const;
export type ShippedPackage = (typeof shipped)[number];

export interface Bundle {
  readonly metafile: Metafile;
  readonly entry: string;
  /** Packages that the bundle still asks for. */
  readonly packages: readonly ShippedPackage[];
  /** Bytes of everything, and of what is loaded before the first request. */
  readonly bytes: number;
  readonly initialBytes: number;
  /** Source files of what is loaded before the first request. */
  readonly initialInputs: readonly string[];
}

const workerFiles = globSync("src/**/*-worker.ts", { cwd: packageRoot });

/** The worker that loads the model, and the only thing that does. */
const embeddingWorker = "embedding-worker.ts";

/**
 * Bundles `file`, whose handler becomes `index.handler`, with the workers that it may start, into `folder`. What does not
 * embed is built without the worker that would, even though it imports the engine, which can.
 */
export async function bundle(file: string, folder: string, embeds: boolean): Promise<Bundle> {
  let workers: readonly string[] = [];
  for (;;) {
    rmSync(folder, { recursive: true, force: true });
    const { metafile } = await run(file, workers, folder);
    const wanted = workersOf(metafile).filter((worker) => embeds || basename(worker) !== embeddingWorker);
    if (wanted.length === workers.length) return described(metafile, folder);
    workers = wanted;
  }
}

const run = (file: string, workers: readonly string[], folder: string) =>
  build({
    entryPoints: [
      { in: file, out: "index" },
      // Workers are found by name beside whatever imports them: see base/worker-url.ts.
      ...workers.map((worker) => ({ in: join(packageRoot, worker), out: basename(worker, ".ts") })),
    ],
    outdir: folder,
    absWorkingDir: packageRoot,
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node24",
    mainFields: ["module", "main"],
    external: [...shipped],
    // Workers and the kernel are looked for beside the file that asks, so all lie in one folder.
    chunkNames: "[name]-[hash]",
    plugins: [onlyEnglish, onlyUsedShapes, onlyEnvironmentCredentials, readsAlone],
    // What was written for require() finds it.
    banner: { js: `import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);` },
    logLevel: "warning",
  });

/** Messages of validation in fifty languages, of which none is ever shown: half of what the API loads at once. */
const onlyEnglish: Plugin = {
  name: "only-english",
  setup: ({ onLoad }) =>
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    })),
};

/**
 * The S3 client describes the requests and answers of all its 110 operations in one file, with keys like `[_hH]`. Written
 * as the text that they are, they let the bundler leave out what no command of ours uses: 40 KB to read at each start.
 */
const onlyUsedShapes: Plugin = {
  name: "only-used-shapes",
  setup: ({ onLoad }) =>
    onLoad({ filter: /@aws-sdk[\\/]client-s3[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const texts = new Map(
        [...source.matchAll(/^const (_\w+) = ("[^"]*");$/gm)].map(([, name, text]) => [name, text]),
      );
      return { contents: source.replaceAll(/\[(_\w+)\]:/g, (_, name: string) => `[${texts.get(name) ?? name}]:`) };
    }),
};

/**
 * Lambda hands a function its role's keys in environment variables, and nowhere else. The SDK's chain of ten other places
 * (files, SSO, a browser's sign-in, metadata services) comes with clients of four services, and with what those need of
 * the code that all clients share.
 */
const onlyEnvironmentCredentials: Plugin = {
  name: "only-environment-credentials",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () => ({
      path: join(packageRoot, "functions/aws/environment-credentials.ts"),
    })),
};

/**
 * What signed reads use of the SDK is a small part of modules that the SDK's clients use whole. A bundler puts a module
 * into one file, and so would load all of it with the first read: these get a copy of their own, of that part.
 */
const readsAlone: Plugin = {
  name: "reads-alone",
  setup: ({ onResolve, onLoad, resolve }) => {
    const namespace = "reads-alone";
    const readers = ["s3.ts", "s3-signed.ts", "s3-answers.ts"].map((name) => join(packageRoot, "src/store", name));
    onResolve({ filter: /^@(smithy|aws-sdk)\// }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (!readers.includes(importer) || pluginData === namespace || kind !== "import-statement") return undefined;
      return { ...(await resolve(path, { kind, resolveDir, pluginData: namespace })), namespace };
    });
    onResolve({ filter: /./, namespace }, async ({ path, kind, resolveDir }) => {
      const found = await resolve(path, { kind, resolveDir });
      return found.external || found.namespace !== "file" ? found : { ...found, namespace };
    });
    onLoad({ filter: /./, namespace }, ({ path }) => ({
      contents: readFileSync(path, "utf8"),
      resolveDir: dirname(path),
      loader: extname(path) === ".json" ? "json" : "js",
    }));
  },
};

/** Workers that the bundled files start by name. */
function workersOf({ inputs }: Metafile): readonly string[] {
  const named = Object.keys(inputs)
    .filter((input) => input.startsWith("src/") && input.endsWith(".ts"))
    .flatMap((input) => [
      ...readFileSync(join(packageRoot, input), "utf8").matchAll(/workerUrl\(import\.meta\.url, "([\w-]+)"/g),
    ])
    .map(([, name]) => name as string);
  return workerFiles.filter((worker) => named.includes(basename(worker, ".ts")));
}

function described(metafile: Metafile, folder: string): Bundle {
  const outputs = Object.entries(metafile.outputs);
  const [entry = ""] = outputs.find(([path]) => join(packageRoot, path) === join(folder, "index.js")) ?? [];
  // A bucket's store is imported on condition, which every function fulfils.
  const storeFiles = outputs.filter(([, { inputs }]) => bucketStore in inputs).map(([path]) => path);
  const initial = staticallyLoaded(metafile, [entry, ...storeFiles]);
  // Not all of them are asked for by a statement that a bundler sees.
  const text = outputs
    .filter(([path]) => extname(path) === ".js")
    .map(([path]) => readFileSync(join(packageRoot, path), "utf8"));
  const sum = (paths: Iterable<string>): number =>
    [...paths].reduce((bytes, path) => bytes + (metafile.outputs[path]?.bytes ?? 0), 0);
  return {
    metafile,
    entry,
    packages: shipped.filter((name) => text.some((js) => js.includes(`"${name}"`))),
    bytes: sum(outputs.map(([path]) => path)),
    initialBytes: sum(initial),
    initialInputs: [...initial].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {})),
  };
}

const bucketStore = "src/store/s3.ts";

/** Files of the bundle, and those that they import without being asked to. */
function staticallyLoaded({ outputs }: Metafile, entries: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    for (const { path: next, kind, external } of outputs[path]?.imports ?? [])
      if (kind === "import-statement" && external !== true) visit(next);
  };
  for (const entry of entries) visit(entry);
  return found;
}
