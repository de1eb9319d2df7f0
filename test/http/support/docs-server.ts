import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/index.ts";
import { atEnd, temporaryFolder } from "../../engine/support/engine.ts";

const main = join(packageRoot, "src", "cli", "main.ts");

/** `mosaic serve` as a first start: a new folder, the local model, Mosaic's own docs indexed. Returns `host:port`. */
export async function firstStart(): Promise<string> {
  const folder = temporaryFolder();
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [main, "serve", "--port", "0"], {
    // FOLD_IDLE_MS: however slowly the examples run, what they wrote is not in a shard yet.
    env: {
      PATH,
      HOME,
      STORAGE_PATH: join(folder, "storage"),
      CACHE_PATH: join(folder, "cache"),
      SEARCH_THREADS: "1",
      FOLD_IDLE_MS: "600000",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  atEnd(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  let log = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
    const [, port] = /"message":"listening","url":"http:\/\/localhost:(\d+)"/.exec(log) ?? [];
    if (port !== undefined && log.includes('"message":"indexed Mosaic\'s own docs"')) resolve(`127.0.0.1:${port}`);
    if (log.includes('"message":"docs not indexed"')) reject(new Error(log));
  });
  child.once("exit", () => reject(new Error(`the server ended: ${log}`)));
  return await promise;
}
