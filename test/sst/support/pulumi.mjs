/**
 * In place of Pulumi, which the `sst` program starts: says its version, keeps an empty stack, and reports that all went well.
 * When asked to deploy it asks `sst` what SST's components would (see infra/check/sst-server.ts), and leaves the answers in
 * $ASKED_OF_SST.
 *
 * Environment: PULUMI_VERSION; of `sst`: PULUMI_BACKEND_URL, SST_SERVER; of a test, perhaps, ASKED_OF_SST and BUNDLE.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [command, ...rest] = process.argv.slice(2);
const { PULUMI_VERSION, PULUMI_BACKEND_URL = "", SST_SERVER, ASKED_OF_SST, BUNDLE } = process.env;

/** `organization/mosaic/dev`, as a stack that has nothing. */
function initStack(stack) {
  const [, app, stage] = stack.split("/");
  const folder = join(new URL(PULUMI_BACKEND_URL).pathname, ".pulumi", "stacks", app);
  mkdirSync(folder, { recursive: true });
  const manifest = { time: "2026-01-01T00:00:00Z", magic: "", version: "" };
  const checkpoint = { stack, latest: { manifest, resources: [] } };
  writeFileSync(join(folder, `${stage}.json`), JSON.stringify({ version: 3, checkpoint }));
}

async function ask(method, params) {
  const body = JSON.stringify({ jsonrpc: "1.0", method, params: [params] });
  const response = await fetch(`${SST_SERVER}/rpc`, { method: "POST", body });
  return await response.json();
}

async function askAll() {
  const build = {
    functionID: "Leaf0",
    handler: "index.handler",
    bundle: BUNDLE,
    runtime: "nodejs24.x",
    encryptionKey: Buffer.alloc(32).toString("base64"),
    links: {},
    copyFiles: [],
    properties: { architecture: "arm64" },
    dev: false,
    isContainer: false,
  };
  return {
    build: await ask("Runtime.Build", build),
    bootstrap: await ask("Provider.Aws.Bootstrap", { region: "us-east-1" }),
    zone: await ask("Resource.Aws.HostedZoneLookup.Create", { domain: "search.example.com" }),
  };
}

if (command === "version") process.stdout.write(`v${PULUMI_VERSION}\n`);
else if (command === "stack") initStack(rest[1]);
else {
  if (command === "up" && ASKED_OF_SST !== undefined) writeFileSync(ASKED_OF_SST, JSON.stringify(await askAll()));
  const summaryEvent = { maybeCorrupt: false, durationSeconds: 0, resourceChanges: {}, PolicyPacks: {} };
  const event = { sequence: 0, timestamp: 0, summaryEvent };
  writeFileSync(rest[rest.indexOf("--event-log") + 1], `${JSON.stringify(event)}\n`);
}
