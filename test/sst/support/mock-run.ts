import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { build, type Plugin } from "esbuild";
import { architecture, bundleOf, type FunctionName, functions } from "../../../infra/table.ts";
import { packageRoot } from "../../../src/base/index.ts";
import { platform } from "./platform.ts";

export interface Resource {
  readonly type: string;
  /** Pulumi's name, not AWS's. */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: any resource of AWS
  readonly inputs: any;
  /** Looked up, not made. */
  readonly read: boolean;
  readonly retainOnDelete?: boolean;
  readonly protect?: boolean;
  /** Names of resources that are made first. */
  readonly waitsFor: readonly string[];
}

export interface Deployed {
  readonly stage: string;
  /** What was asked for. */
  readonly leafFunctions?: number;
  readonly alarms: boolean;
  readonly alarmEmail?: string;
  readonly app: {
    readonly removal: string;
    readonly protect: boolean;
    readonly providers: {
      readonly aws: { readonly region: string; readonly defaultTags: { readonly tags: Record<string, string> } };
    };
  };
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: readonly Resource[];
}

const run = promisify(execFile);

/** What `sst` puts around a config before it runs it, and then the program. */
const entry = `
  import * as aws from "@pulumi/aws";
  import * as sst from "./src/components/index";
  Object.assign(globalThis, { aws, sst });
  await import("../../infra/check/program.ts");
`;

/** Bundles sst.config.ts with SST's components, as `sst` does; `edits` plant mistakes. Returns the program's path. */
export async function bundleProgram(name: string, edits: readonly Edit[] = []): Promise<string> {
  const outfile = join(platform, `check-${name}.mjs`);
  await build({
    stdin: { contents: entry, resolveDir: platform, loader: "ts" },
    outfile,
    inject: [join(platform, "src/shim/run.js")],
    // SST's modules look at these while they load; the program fills them.
    banner: { js: "globalThis.$app = {}; globalThis.$cli = {}; globalThis.$dev = false;" },
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node24",
    logLevel: "error",
    plugins: [planted(edits)],
  });
  return outfile;
}

/** A change of one file under infra/, made while bundling: `from` must be there. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const planted = (edits: readonly Edit[]): Plugin => ({
  name: "plant",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/infra\/[a-z]+\.ts$/ }, ({ path }) => {
      const own = edits.filter(({ file }) => file === basename(path));
      return { contents: own.reduce(edited, readFileSync(path, "utf8")), loader: "ts" };
    });
  },
});

function edited(text: string, { file, from, to }: Edit): string {
  if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
  return text.replace(from, to);
}

export interface Circumstances {
  readonly stage: string;
  /** What an operator set. */
  readonly env?: Readonly<Record<string, string>>;
  /** Packs the real packages, built for it, instead of stand-ins. */
  readonly packages?: boolean;
}

/** Runs the program, and returns what would be in the account. */
export async function deployed(program: string, { stage, env, packages }: Circumstances): Promise<Deployed> {
  const work = mkdtempSync(join(tmpdir(), "mosaic-sst-"));
  try {
    const root = packages ? packageRoot : standInRoot(work);
    await run(process.execPath, [program], {
      cwd: packageRoot,
      env: { ...surroundings(), STAGE: stage, WORK: work, ROOT: root, ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    const result = JSON.parse(readFileSync(join(work, "result.json"), "utf8")) as Deployed;
    const leaves = env?.["MOSAIC_LEAF_FUNCTIONS"];
    const alarmEmail = env?.["MOSAIC_ALARM_EMAIL"];
    return {
      ...result,
      stage,
      alarms: stage === "production" || alarmEmail !== undefined,
      ...(alarmEmail !== undefined && { alarmEmail }),
      ...(leaves !== undefined && { leafFunctions: Number(leaves) }),
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What a deployment finds around it, but for what would choose something: packages are fetched through it. */
const surroundings = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AWS|MOSAIC|SST|PULUMI|VITEST)_/.test(name)));

/** A tree whose build has nothing to do: packages that hold a handler and no more. */
function standInRoot(work: string): string {
  const root = join(work, "root");
  for (const name of Object.keys(functions) as FunctionName[]) {
    const folder = join(root, bundleOf(name, architecture));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "index.js"), "export const handler = async () => {};\n");
  }
  writeFileSync(join(root, "package.json"), JSON.stringify({ scripts: { "build:functions": "true" } }));
  return root;
}
