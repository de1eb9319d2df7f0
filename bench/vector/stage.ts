import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** In a stage's own process: runs it on the JSON that the parent gave and prints its figures. */
export async function stage<Input>(run: (input: Input) => Promise<unknown>): Promise<void> {
  const figures = await run(JSON.parse(process.argv[2] ?? "{}") as Input);
  process.stdout.write(JSON.stringify(figures));
}

/** Runs a stage in a process of its own, so that its memory is its own. */
export async function runStage<Figures>(file: string, input: unknown, env: NodeJS.ProcessEnv = {}): Promise<Figures> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(input)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const output = await text(child.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return JSON.parse(output) as Figures;
}
