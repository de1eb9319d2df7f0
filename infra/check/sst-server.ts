import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

interface Call {
  readonly method: string;
  readonly params: readonly Readonly<Record<string, unknown>>[];
}

/** `index.handler` is `handler` of index.js; without that file, a deployed function would not start. */
function built(handler: string, folder: string) {
  const [file] = handler.split(".");
  const errors = existsSync(join(folder, `${file}.js`)) ? [] : [`${folder} has no ${file}.js`];
  return { handler, out: folder, errors, sourcemaps: [] };
}

/** What SST's components ask of the `sst` program while they run: here, a bundle is taken as it was built. */
function answerTo({ method, params: [input = {}] }: Call): unknown {
  switch (method) {
    case "Runtime.Build":
      return built(String(input["handler"]), String(input["bundle"]));
    case "Provider.Aws.Bootstrap":
      return { asset: "sst-asset-a1b2c3", state: "sst-state-a1b2c3" };
    case "Resource.Aws.HostedZoneLookup.Create":
      return { id: "zone", outs: { zoneId: "Z1" } };
    default:
      throw new Error(`rpc: can't find ${method}`);
  }
}

/** Listens on loopback; the address is what SST_SERVER must hold. */
export async function startSstServer(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    let answer: unknown;
    try {
      answer = { result: answerTo(JSON.parse(Buffer.concat(parts).toString()) as Call) };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    response.end(JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
