/**
 * Runs `sst.config.ts` as `sst deploy` does, with the real SST components, against an account that is none
 * (`account.ts`), and writes what would be made to WORK/result.json.
 *
 * Environment: what an operator may set, STAGE, WORK (a folder of its own), perhaps ROOT. Bundled with SST's own shim, which brings `sst`, `aws`, `$config`.
 */
import { writeFileSync } from "node:fs";
import { run } from "../../.sst/platform/src/auto/run";
import config from "../../sst.config.ts";
import { created, lookedUp } from "./account.ts";
import { startSstServer } from "./sst-server.ts";

interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: unknown;
  readonly read: boolean;
}

const stage = process.env["STAGE"] ?? "";
/** Where packages are looked for: the repository, or a folder that holds stand-ins. */
const root = process.env["ROOT"] ?? process.cwd();
const work = process.env["WORK"] ?? "";
const made: Made[] = [];
const kept: Record<string, { retainOnDelete: boolean; protect: boolean }> = {};
/** Resources that must be there before one is made, as Pulumi knows it: by what its inputs are made of, or by word. */
const waits: Record<string, Promise<readonly string[]>> = {};

const app = await config.app({ stage });
const server = await startSstServer();
process.env["SST_SERVER"] = server.url;
process.env["SST_AWS_REGION"] = "us-east-1";
Object.assign($app, { ...app, stage });
Object.assign($cli, {
  command: "deploy",
  paths: { home: work, root, work, platform: `${process.cwd()}/.sst/platform` },
  home: app.home,
  state: { version: {} },
});

await $util.runtime.setMocks(
  {
    newResource: ({ type, name, inputs, id }) => {
      made.push({ type, name, inputs, read: id !== undefined && id !== "" });
      return created(type, name, inputs, id || undefined);
    },
    call: ({ token, inputs }) => lookedUp(token, inputs),
  },
  app.name,
  stage,
  false,
);

type Named = $util.Resource & { readonly __name: string };
interface Traced {
  allResources(): Promise<ReadonlySet<Named>>;
}

async function waitedFor(props: $util.Inputs, { dependsOn = [] }: $util.ResourceOptions): Promise<readonly string[]> {
  const traced = $util.output(props) as unknown as Traced;
  const stated = [dependsOn].flat() as unknown as readonly Named[];
  return [...(await traced.allResources()), ...stated].map(({ __name }) => __name);
}

/** Options are not told to mocks; a transformation sees them, after SST's own has. */
const watchOptions = () =>
  $util.runtime.registerStackTransformation(({ type, name, props, opts }) => {
    kept[`${type} ${name}`] = { retainOnDelete: opts.retainOnDelete ?? false, protect: opts.protect ?? false };
    waits[`${type} ${name}`] = waitedFor(props, opts);
    return undefined;
  });

const printed: { outputs: Record<string, unknown> } = { outputs: {} };
await $util.runtime.runInPulumiStack(async () => {
  printed.outputs = await run(async () => {
    watchOptions();
    return (await config.run()) ?? {};
  });
  return printed.outputs;
});
await $util.runtime.disconnect();
const settled = await new Promise((resolve) => $util.output(printed.outputs).apply(resolve));
const waited = Object.fromEntries(
  await Promise.all(Object.entries(waits).map(async ([key, names]) => [key, await names] as const)),
);
server.close();
writeFileSync(
  `${work}/result.json`,
  JSON.stringify({
    app,
    outputs: settled,
    resources: made.map((one) => {
      const key = `${one.type} ${one.name}`;
      return { ...one, ...kept[key], waitsFor: waited[key] ?? [] };
    }),
  }),
);
