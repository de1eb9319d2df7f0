import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SlowS3Counts, SlowS3Options } from "./slow-s3.ts";

export interface SlowS3 {
  readonly endpoint: string;
  readonly child: ChildProcess;
  /** What was asked since the last time. */
  counted(): Promise<SlowS3Counts>;
  stop(): Promise<void>;
}

/** Starts the S3 server of `slow-s3.ts` in a process of its own. */
export async function startSlowS3(options: SlowS3Options): Promise<SlowS3> {
  const path = fileURLToPath(new URL("./slow-s3.ts", import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const endpoint = `http://127.0.0.1:${port.toString().trim()}`;
  return {
    endpoint,
    child,
    counted: async () => (await (await fetch(`${endpoint}/__reset`)).json()) as SlowS3Counts,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}
