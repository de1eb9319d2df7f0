import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { MosaicError, packageRoot } from "../../../src/base/index.ts";
import { freePort, mustBeFree } from "../serving.ts";

const script = join(import.meta.dirname, "moto_server.py");

/** An object that was made. */
export interface ObjectEvent {
  /** `ObjectCreated:Put` and the like. */
  readonly event: string;
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly etag: string;
}

export interface S3Server {
  readonly endpoint: string;
  /** Variables that a process needs to use it. */
  readonly env: Readonly<Record<string, string>>;
  createBucket(name: string): Promise<void>;
  /** From now on what is to be restored stays under way, also what was asked for before, until `finishRestores`. */
  holdRestores(): Promise<void>;
  finishRestores(): Promise<void>;
  stop(): Promise<void>;
}

export const s3Credentials = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "us-east-1" };

export const withoutS3Server =
  "There is no S3 server on this machine: python3 -m venv .venv && .venv/bin/pip install -r infra/local/s3/requirements.txt";

const hasMoto = (python: string): boolean =>
  existsSync(python) && spawnSync(python, ["-c", "import moto.server"]).status === 0;

/** The first Python of these, or of the checkout's own, that has the server. */
export function pythonWithMoto(...candidates: readonly (string | undefined)[]): string | undefined {
  const all = [...candidates, join(packageRoot, ".venv", "bin", "python")];
  return all.find((path) => path !== undefined && hasMoto(path));
}

export interface S3ServerOptions {
  readonly python?: string | undefined;
  /** A free one when it is left out. */
  readonly port?: number | undefined;
  readonly onEvent?: (event: ObjectEvent) => void;
}

/** Starts the server on this machine. What it keeps is gone with it. Throws `unavailable` when it can't start. */
export async function startS3Server({ python, port, onEvent }: S3ServerOptions = {}): Promise<S3Server> {
  const program = python ?? pythonWithMoto();
  if (program === undefined) throw cannotStart(withoutS3Server);
  const at = port === undefined || port === 0 ? await freePort() : port;
  await mustBeFree(at);
  // It ends with its standard input, which ends with this process.
  const child = spawn(program, [script, String(at)], { stdio: ["pipe", "pipe", "pipe"] });
  await readiness(child, onEvent);
  const endpoint = `http://127.0.0.1:${at}`;
  return {
    endpoint,
    env: { ...s3Credentials, S3_ENDPOINT: endpoint },
    createBucket: (name) => createBucket(endpoint, name),
    // Progress that waits for more looks than there will ever be.
    holdRestores: () => progress(endpoint, "set", { transition: { progression: "manual", times: 2 ** 40 } }),
    finishRestores: () => progress(endpoint, "unset", {}),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function createBucket(endpoint: string, name: string): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new S3Client({ endpoint, forcePathStyle: true, region: "us-east-1", credentials });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
}

/** How moto moves on what takes its time (its documentation, "State transitions"). */
async function progress(endpoint: string, change: "set" | "unset", body: object): Promise<void> {
  const response = await fetch(`${endpoint}/moto-api/state-manager/${change}-transition`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model_name: "s3::keyrestore", ...body }),
  });
  if (!response.ok) throw cannotStart(`restores can't be held back: ${response.status}`);
}

async function readiness(child: ChildProcess, onEvent: S3ServerOptions["onEvent"]): Promise<void> {
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-2000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once("exit", () => reject(cannotStart(complaints)));
  child.once("error", (error) => reject(cannotStart(error.message)));
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "ready") resolve();
      else if (line.startsWith("{")) onEvent?.(JSON.parse(line) as ObjectEvent);
    });
  await promise;
}

const cannotStart = (detail: string): MosaicError =>
  new MosaicError("unavailable", "start the S3 server", { code: "s3_server", detail });
