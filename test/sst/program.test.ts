import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { mayCall } from "./rules/deployer.ts";
import { type AwsServer, startAws } from "./support/aws.ts";
import { platform, sst, sstEnvironment } from "./support/platform.ts";

/** What `sst` does around a deployment, by the program itself: only Pulumi and the account are stand-ins. */
let folder: string;
let aws: AwsServer;

beforeAll(async () => {
  // It writes beside its config: not into the repository, whose packages another test builds.
  folder = mkdtempSync(join(tmpdir(), "mosaic-sst-program-"));
  for (const name of ["sst.config.ts", "infra", "package.json"])
    cpSync(join(packageRoot, name), join(folder, name), { recursive: true });
  mkdirSync(join(folder, ".sst"));
  mkdirSync(join(folder, "bundle"));
  writeFileSync(join(folder, "bundle", "index.js"), "export const handler = async () => {};\n");
  symlinkSync(platform, join(folder, ".sst", "platform"));
  cpSync(join(platform, "..", "provider-lock.json"), join(folder, ".sst", "provider-lock.json"));
  aws = await startAws();
});

afterAll(async () => {
  await aws.close();
  rmSync(folder, { recursive: true, force: true });
});

const program = async (command: string, environment: Readonly<Record<string, string>> = {}) => {
  const { PATH = "" } = process.env;
  const child = spawn(sst, command.split(" "), {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH,
      ...sstEnvironment(),
      AWS_ENDPOINT_URL: aws.url,
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret",
      ASKED_OF_SST: join(folder, "asked.json"),
      BUNDLE: join(folder, "bundle"),
      ...environment,
    },
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = await once(child, "close");
  return { code: code as number, said };
};

describe("the deployer's policy allows what sst itself calls", () => {
  // One after the other: an account that was never deployed to, again, and until nothing is left.
  test.each(["deploy", "deploy", "refresh", "unlock", "remove"])("to %s", async (command) => {
    const before = aws.calls.length;
    const { code, said } = await program(`${command} --stage dev`);
    expect(code, said).toBe(0);
    const calls = aws.calls.slice(before);
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.filter(({ action, on }) => !mayCall(action, on))).toEqual([]);
  });
});

describe("production", () => {
  test("is not removed by accident, but by MOSAIC_PROTECT=0", async () => {
    expect((await program("deploy --stage production")).code).toBe(0);
    const refused = await program("remove --stage production");
    expect(refused.code).not.toBe(0);
    expect(refused.said).toContain("protected");
    const removed = await program("remove --stage production", { MOSAIC_PROTECT: "0" });
    expect(removed.code, removed.said).toBe(0);
  });
});

describe("what the check's stand-in for sst answers", () => {
  test("is what sst answers: a bundle is taken as it was built, a zone is found by its end", async () => {
    expect((await program("deploy --stage asked")).code).toBe(0);
    const { build, bootstrap, zone } = JSON.parse(readFileSync(join(folder, "asked.json"), "utf8"));
    const out = join(folder, "bundle");
    expect(build).toMatchObject({ result: { out, handler: "index.handler", errors: [], sourcemaps: [] }, error: null });
    expect(bootstrap.result).toMatchObject({ asset: expect.stringMatching(/^sst-asset-/) });
    expect(zone).toMatchObject({ result: { outs: { zoneId: expect.stringMatching(/Z1$/) } }, error: null });
  });
});

describe("choices", () => {
  test("are read from the .env file of a stage, its region too", async () => {
    writeFileSync(join(folder, ".env.frankfurt"), "AWS_REGION=eu-central-1\n");
    const before = aws.calls.length;
    expect((await program("deploy --stage frankfurt")).code).toBe(0);
    const [first] = aws.calls.slice(before);
    expect(first?.on).toBe("arn:aws:ssm:eu-central-1:123456789012:parameter/sst/bootstrap");
  });

  test("that are wrong are named when sst is asked for its log, as the docs say", async () => {
    const wrong = await program("deploy --stage dev --print-logs", { MOSAIC_LEAF_FUNCTIONS: "none" });
    expect(wrong.code).not.toBe(0);
    expect(wrong.said).toContain("MOSAIC_LEAF_FUNCTIONS must be a whole number from 1 to 64.");
  });
});
