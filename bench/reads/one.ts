/** Reads 16 KiB again and again by the client that is named, and prints the processor milliseconds of each GET. */
import { buffer } from "node:stream/consumers";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { S3Store } from "../../src/store/s3.ts";
import { S3Sdk } from "../../src/store/s3-sdk.ts";

const [, , client, endpoint = "", first = "", all = ""] = process.argv;
const atOnce = 32;
const place = { bucket: "bench", prefix: "", endpoint, region: "us-east-1" };
const sdk = new S3Sdk(place, { requestHandler: new NodeHttpHandler({ httpAgent: { maxSockets: atOnce } }) });
const store = new S3Store(place);
const range = { start: 0, end: 16 * 1024 };
const read = async (at: number): Promise<unknown> =>
  client === "sdk"
    ? buffer((await sdk.get({ key: `shards/${at}.db`, range })).body)
    : store.get(`shards/${at}.db`, { range });

/** Processor milliseconds a GET, of `count`. */
async function measure(count: number): Promise<number> {
  const before = process.cpuUsage();
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < count) await read(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, reader));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

process.stdout.write(JSON.stringify([await measure(Number(first)), await measure(Number(all))]));
process.exit();
