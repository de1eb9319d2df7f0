import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Settings, systemClock } from "../../src/base/index.ts";
import { Mosaic, type SearchResponse } from "../../src/engine/index.ts";
import { temporaryFolder, watch } from "../shard/cache/support/cache.ts";
import { canMount, needsMount, smallDisk } from "../shard/cache/support/tmpfs.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { atEnd, docs, shared, testSettings, vectorsOf } from "./support/engine.ts";

const shardCount = 6;
const perShard = 200;
const all = shardCount * perShard;
const query = { vector: vectorsOf(99, 32)(), limit: 1000, recall: "exact" } as const;

describe.skipIf(!hasS3Server)(hasS3Server ? "the cache over S3" : `the cache over S3 (${withoutS3Server})`, () => {
  let server: S3Server;
  let shardBytes: number;

  const openHere = async (settings: Partial<Settings>): Promise<Mosaic> => {
    const s3 = { storagePath: "s3://cache/test", s3Endpoint: server.endpoint };
    const engine = await Mosaic.open(testSettings({ ...s3, shardMaxDocs: perShard, ...settings }));
    atEnd(() => engine.close());
    return engine;
  };

  const furnish = async (): Promise<void> => {
    const engine = await openHere({});
    const next = vectorsOf(1, 32);
    for (let shard = 0; shard < shardCount; shard++) {
      const documents = Array.from({ length: perShard }, (_, at) => ({
        id: `doc ${shard * perShard + at}`,
        text: `text ${shard * perShard + at}`,
        embedding: next(),
      }));
      await engine.putMany(docs, documents);
      await engine.fold(docs);
    }
    const { shards } = await engine.stats(docs);
    expect(shards.length).toBe(shardCount);
    shardBytes = Math.max(...shards.map(({ bytes }) => bytes));
  };

  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket("cache");
    return await shared(furnish);
  });
  afterAll(() => server?.stop());

  const whole = ({ failed_shards, results }: SearchResponse): void => {
    expect(failed_shards).toEqual([]);
    expect(results.length).toBe(Math.min(all, query.limit));
  };
  const search = (engine: Mosaic): Promise<SearchResponse> => engine.search(docs, query);

  test("a receipt tells what was downloaded, and what was found on the disk", async () => {
    const cachePath = await temporaryFolder();
    const cold = await search(await openHere({ cachePath }));
    whole(cold);
    expect(cold.stats.cost.cache_hits).toBe(0);
    expect(cold.stats.cost.bytes_fetched).toBeGreaterThan(shardCount * shardBytes * 0.9);
    const next = await openHere({ cachePath });
    const warm = await search(next);
    whole(warm);
    expect(warm.stats.cost.cache_hits).toBe(shardCount);
    expect(warm.stats.cost.bytes_fetched).toBeLessThan(shardBytes);
    expect((await next.stats(docs)).cache.files).toBe(shardCount);
  });

  test("searches at once download each shard once", async () => {
    const engine = await openHere({ cachePath: await temporaryFolder() });
    const answers = await Promise.all(Array.from({ length: 8 }, () => search(engine)));
    answers.forEach(whole);
    const fetched = answers.reduce((sum, { stats }) => sum + stats.cost.bytes_fetched, 0);
    expect(fetched).toBeLessThan(2 * shardCount * shardBytes);
  });

  test("a cache that holds a third of the shards answers in full, keeps its bound, and closes what it must", async () => {
    const cachePath = await temporaryFolder();
    const cacheMaxBytes = 2 * shardBytes + 8192;
    const engine = await openHere({ cachePath, cacheMaxBytes });
    const watched = watch(join(cachePath, "objects"));
    for (let round = 0; round < 2; round++) whole(await search(engine));
    // One shard after the other: each is opened, kept open, and closed again to make room for the next.
    for (let shard = 0; shard < shardCount; shard++) {
      expect((await engine.get(docs, `doc ${shard * perShard}`)).text).toBe(`text ${shard * perShard}`);
    }
    const most = await watched.stop();
    expect(most).toBeGreaterThan(shardBytes);
    expect(most).toBeLessThanOrEqual(cacheMaxBytes);
  });

  test("two engines on one folder evict each other's files, and both answer in full", async () => {
    const cachePath = await temporaryFolder();
    const cacheMaxBytes = 3 * shardBytes + 8192;
    const settings = { cachePath, cacheMaxBytes, shardIdleMs: 20 };
    const [one, two] = [await openHere(settings), await openHere(settings)];
    const watched = watch(join(cachePath, "objects"));
    for (let round = 0; round < 3; round++) {
      for (const answer of await Promise.all([search(one), search(two)])) whole(answer);
      await systemClock.sleep(50);
    }
    expect(await watched.stop()).toBeLessThanOrEqual(cacheMaxBytes);
  });

  test("a cache folder that can't be made costs time, not answers", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    const engine = await openHere({ cachePath: join(folder, "file", "cache") });
    whole(await search(engine));
    expect((await engine.get(docs, "doc 3")).text).toBe("text 3");
  });

  test.skipIf(!canMount)(`a disk that is full costs time, not answers${needsMount}`, async () => {
    const cachePath = smallDisk(512);
    await writeFile(join(cachePath, "other"), new Uint8Array(500 * 1024));
    const engine = await openHere({ cachePath });
    whole(await search(engine));
    expect((await readdir(join(cachePath, "objects"))).length).toBeLessThan(shardCount);
  });
});
