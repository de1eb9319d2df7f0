import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { packageRoot } from "../../src/base/index.ts";

const script = join(import.meta.dirname, "moto_server.py");

const candidates = [process.env["MOSAIC_TEST_PYTHON"], join(packageRoot, ".venv", "bin", "python")];

function hasMoto(python: string): boolean {
  return existsSync(python) && spawnSync(python, ["-c", "import moto.server"]).status === 0;
}

/** A Python that has moto, if this machine has one. */
const python = candidates.find((path) => path !== undefined && hasMoto(path));

/** True when the S3 tests can run. In CI their absence is a failure, not a skip. */
export const hasS3Server = python !== undefined;
export const withoutS3Server =
  "skipped without an S3 server: python3 -m venv .venv && .venv/bin/pip install 'moto[s3]==5.2.5' flask flask-cors werkzeug";
if (!hasS3Server && process.env["CI"]) throw new Error(`CI needs the S3 server. ${withoutS3Server}`);

export interface S3Server {
  readonly endpoint: string;
  /** Variables that a process needs to use it. */
  readonly env: Readonly<Record<string, string>>;
  createBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

export const s3Credentials = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "us-east-1" };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Starts the server on a free port; sets this process's AWS credentials to what it takes. */
export async function startS3Server(): Promise<S3Server> {
  if (python === undefined) throw new Error(withoutS3Server);
  const port = await freePort();
  const child = spawn(python, [script, String(port)], { stdio: ["ignore", "pipe", "pipe"] });
  await readiness(child);
  const endpoint = `http://127.0.0.1:${port}`;
  Object.assign(process.env, s3Credentials);
  return {
    endpoint,
    env: { ...s3Credentials, S3_ENDPOINT: endpoint },
    createBucket: async (name) => {
      const { CreateBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
      const client = new S3Client({ endpoint, forcePathStyle: true, region: "us-east-1" });
      await client.send(new CreateBucketCommand({ Bucket: name }));
      client.destroy();
    },
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function readiness(child: ChildProcess): Promise<void> {
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-2000);
  });
  const died = once(child, "exit").then(() => Promise.reject(new Error(`moto did not start: ${complaints}`)));
  died.catch(() => undefined);
  const ready = new Promise<void>((resolve) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("ready")) resolve();
    });
  });
  await Promise.race([ready, died]);
}
