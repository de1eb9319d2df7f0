/**
 * What a GET from a bucket costs in processor time: by the SDK's S3 client, and by the signed requests that the store reads
 * with. 16 KiB each, 32 at once, each client in processes of its own, by turns. npm run bench:reads [-- --quick]
 */
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const runs = values.quick ? 3 : 9;
const first = 200;
const later = values.quick ? 1000 : 3000;
const clients = ["sdk", "signed"] as const;

const server = fork(join(import.meta.dirname, "reads/server.ts"));
const [port] = (await once(server, "message")) as [number];
const env = { ...process.env, AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench" };

async function ofProcess(client: string): Promise<readonly [number, number]> {
  const script = join(import.meta.dirname, "reads/one.ts");
  const args = [script, client, `http://127.0.0.1:${port}`, String(first), String(later)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout) as [number, number];
}

const figures = new Map<string, (readonly [number, number])[]>(clients.map((client) => [client, []]));
for (let run = 0; run < runs; run++) for (const client of clients) figures.get(client)?.push(await ofProcess(client));
server.disconnect();

const median = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
console.log(`processor ms a GET, p50 of ${runs} processes   the first ${first}   ${later} more`);
for (const client of clients) {
  const of = figures.get(client) ?? [];
  const [early, warm] = [0, 1].map((at) => median(of.map((pair) => pair[at] as number)).toFixed(2)) as [string, string];
  console.log(`${client.padEnd(41)}${early.padStart(14)}${warm.padStart(12)}`);
}
