import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/index.ts";
import { temporaryFolder } from "../../engine/support/engine.ts";

export const main = join(packageRoot, "src", "cli", "main.ts");

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** A folder to work in, and `mosaic` run there in processes of its own, with storage and cache below it. */
export class Shell {
  readonly folder = temporaryFolder();
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    const { PATH, HOME } = process.env;
    this.env = {
      PATH,
      HOME,
      STORAGE_PATH: join(this.folder, "data"),
      CACHE_PATH: join(this.folder, "cache"),
      EMBEDDING_MODEL: "none",
      ...env,
    };
  }

  spawn(...args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [main, ...args], { cwd: this.folder, env: this.env, stdio: "pipe" });
  }

  run(...args: readonly string[]): Promise<Ran> {
    return this.feed("", ...args);
  }

  /** With `input` on its standard input. */
  feed(input: string, ...args: readonly string[]): Promise<Ran> {
    const child = this.spawn(...args);
    child.stdin?.end(input);
    return ended(child);
  }
}

export async function ended(child: ChildProcess): Promise<Ran> {
  let [out, error] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    error += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, error };
}
