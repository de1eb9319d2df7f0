import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ArchiveClass, Settings } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import { archived, finished } from "../engine/support/archived.ts";
import { docs, temporaryFolder, testSettings, vectorsOf } from "../engine/support/engine.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";

const documents = 600;
const dimensions = 32;

/** As S3 would write them down, of objects of the colder class and of all others. */
interface Seen {
  gets: number;
  puts: number;
  coldGets: number;
  coldBytes: number;
}

/**
 * Against a server that stands before the storage and counts for itself: prices as they are in AWS's list for us-east-1,
 * for a thousand GET and a gigabyte of 2^30 bytes.
 */
const title = hasS3Server ? "what a search over archived shards costs" : `prices (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let server: S3Server;
  let proxy: Server;
  let endpoint: string;
  let seen: Seen;
  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket("prices");
    const { port } = new URL(server.endpoint);
    proxy = createServer((request, response) => {
      const { method = "", url = "", headers } = request;
      const isCold = url.includes("/archive/");
      if (method === "GET" && url.includes("list-type=2")) seen.puts++;
      else if (method === "GET" || method === "HEAD") seen[isCold ? "coldGets" : "gets"]++;
      else if (method !== "DELETE") seen.puts++;
      const upstream = httpRequest({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
        if (isCold && method === "GET") seen.coldBytes += Number(answer.headers["content-length"]);
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(upstream);
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    proxy?.closeAllConnections();
    proxy?.close();
    await server?.stop();
  });

  test.each<[ArchiveClass, number, number]>([
    ["STANDARD_IA", 0.001, 0.01],
    ["GLACIER_IR", 0.01, 0.03],
  ])("%s, by range and whole", async (storageClass, usdOfThousandGets, usdOfGigabyte) => {
    const open = (more: Partial<Settings> = {}): Promise<Mosaic> =>
      Mosaic.open(
        testSettings({
          ...{ storagePath: `s3://prices/${storageClass}`, s3Endpoint: endpoint, cachePath: temporaryFolder() },
          ...more,
        }),
      );
    const none = (): Seen => ({ gets: 0, puts: 0, coldGets: 0, coldBytes: 0 });
    seen = none();
    const next = vectorsOf(3, dimensions);
    const writer = await open();
    await writer.putMany(
      docs,
      Array.from({ length: documents }, (_, at) => ({
        id: `document ${at}`,
        text: `text of ${at} `.repeat(30),
        embedding: next(),
      })),
    );
    await writer.fold(docs);
    const ids = (await writer.stats(docs)).shards.map(({ id }) => id);
    await archived(writer, ids, storageClass);

    const vector = next();
    const results: unknown[] = [];
    for (const [how, settings] of [
      ["by range", { wholeFileBelow: 0, wholeFileAfter: 1e12 }],
      ["whole", { wholeFileAfter: 0 }],
    ] as const) {
      const reader = await open(settings);
      seen = none();
      const answer = await reader.search(docs, { vector, include: ["text"] });
      const { cost } = answer.stats;
      expect([how, cost.get_requests, cost.put_requests + cost.list_requests]).toEqual([
        how,
        seen.gets + seen.coldGets,
        seen.puts,
      ]);
      expect(seen.coldGets).toBeGreaterThan(how === "whole" ? 0 : 1);
      const standardUsd = (seen.gets * 0.0004 + seen.puts * 0.005) / 1000;
      const coldUsd = (seen.coldGets * usdOfThousandGets) / 1000 + (seen.coldBytes / 2 ** 30) * usdOfGigabyte;
      const computeUsd = (cost.compute_ms / 1000) * 0.0000133334 * (1769 / 1024);
      expect(cost.usd / (standardUsd + coldUsd + computeUsd)).toBeCloseTo(1, 3);
      // Nothing is fetched, nothing is paid.
      seen = none();
      const again = await reader.search(docs, { vector, include: ["text"], consistency: "eventual" });
      expect([seen, again.stats.cost.get_requests]).toEqual([none(), 0]);
      expect(again.stats.cost.usd).toBeLessThan(coldUsd);
      results.push(answer.results);
      await reader.close();
    }
    expect(results[0]).toEqual(results[1]);
    expect(await finished(writer, await writer.restore(docs))).toMatchObject({ status: "done" });
    await writer.close();
  });
});
