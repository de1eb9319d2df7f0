import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/index.ts";

/** The real server in a process of its own, on a free port. */
export interface ServerProcess {
  readonly base: string;
  kill(): Promise<void>;
}

const main = join(packageRoot, "src", "cli", "main.ts");

export async function startServer(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const child = spawn(process.execPath, [main, "serve"], {
    env: { ...process.env, ...env, PORT: "0", EMBEDDING_MODEL: "none", LOG_LEVEL: "info" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const base = await listeningUrl(child);
  return {
    base,
    kill: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  let log = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
    const [, url] = /"message":"listening","url":"([^"]+)"/.exec(log) ?? [];
    if (url !== undefined) resolve(url.replace("localhost", "127.0.0.1"));
  });
  child.once("exit", () => reject(new Error(`the server ended before it listened: ${log}`)));
  return promise;
}
