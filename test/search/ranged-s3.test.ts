import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Mosaic } from "../../src/engine/index.ts";
import { docs, temporaryFolder, testSettings } from "../engine/support/engine.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { clusteredVectors, rowOf } from "../support/vectors.ts";

const [dimensions, documents] = [64, 3000];
const matrix = clusteredVectors(documents, dimensions, 8, 30);
const vectorOf = (at: number): number[] => [...rowOf(matrix, at, dimensions)];

if (!hasS3Server) console.log(withoutS3Server);

describe.skipIf(!hasS3Server)("shards of a real bucket, read by range", () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket("ranged");
  });
  afterAll(() => server.stop());

  test("give the answers that whole files give, for a part of the bytes", async () => {
    const settings = { storagePath: "s3://ranged/some/prefix", s3Endpoint: server.endpoint };
    const open = async (more: object) =>
      await Mosaic.open(testSettings({ ...settings, cachePath: temporaryFolder(), ...more }));
    const writer = await open({});
    for (let first = 0; first < documents; first += 1000)
      await writer.putMany(
        docs,
        Array.from({ length: 1000 }, (_, i) => ({
          id: `document ${first + i}`,
          text: `text of ${first + i} `.repeat(50),
          embedding: vectorOf(first + i),
        })),
      );
    await writer.fold(docs);
    await writer.close();
    const whole = await open({ wholeFileAfter: 0 });
    const ranged = await open({ wholeFileBelow: 0 });
    for (const at of [3, 1500, 2999]) {
      const request = { vector: vectorOf(at), include: ["text" as const] };
      const [expected, found] = [await whole.search(docs, request), await ranged.search(docs, request)];
      expect(found.results).toEqual(expected.results);
      expect(await ranged.get(docs, `document ${at}`)).toEqual(await whole.get(docs, `document ${at}`));
      if (at === 3) expect(found.stats.cost.bytes_fetched).toBeLessThan(expected.stats.cost.bytes_fetched / 2);
    }
    await Promise.all([whole.close(), ranged.close()]);
  });
});
