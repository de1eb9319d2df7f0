import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { localName } from "../../infra/local/local-functions.ts";
import { s3Credentials } from "../../infra/local/s3/s3-server.ts";
import { settingsFrom, systemClock, systemRandom } from "../../src/base/index.ts";
import { type ObjectStore, openStore } from "../../src/store/index.ts";
import { atEnd, shared, temporaryFolder } from "../engine/support/engine.ts";
import { hasSharedData, sharedData } from "../support/vectors.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";

const long = 30 * 60_000;

/** The bucket, as whoever drops files sees it. */
async function bucketOf(cloud: TestCloud): Promise<ObjectStore> {
  Object.assign(process.env, s3Credentials);
  const settings = settingsFrom({ storagePath: cloud.storagePath, s3Endpoint: cloud.s3?.endpoint }, {});
  const store = await openStore(settings, {
    clock: systemClock,
    random: systemRandom,
    currentReceipt: () => undefined,
  });
  atEnd(() => store.close());
  return store;
}

const dropped = async (cloud: TestCloud, tenant: string): Promise<Record<string, unknown>[]> =>
  (await cloud.call("GET", "/api/v1/inbox", undefined, { "x-mosaic-tenant": tenant })).body.files;
const count = async (cloud: TestCloud, tenant: string, what = "count(*)"): Promise<unknown> =>
  (
    await cloud.call(
      "POST",
      "/api/v1/search/sql",
      { sql: `SELECT ${what} FROM documents` },
      { "x-mosaic-tenant": tenant },
    )
  ).body.rows?.[0]?.[0];
const lines = (from: number, to: number): string =>
  Array.from(
    { length: to - from },
    (_, at) => `${JSON.stringify({ id: `d${from + at}`, text: `text ${from + at}`, embedding: [at + 1, 1] })}\n`,
  ).join("");

describe("files that are dropped into the bucket", () => {
  let cloud: TestCloud;
  let store: ObjectStore;
  beforeAll(() =>
    shared(async () => {
      cloud = await testCloud();
      store = await bucketOf(cloud);
    }),
  );

  test(
    "are read by the function that their event calls, each tenant's for itself",
    async () => {
      const tenants = Array.from({ length: 10 }, (_, at) => `tenant-${at}`);
      await Promise.all(
        tenants.map((tenant, at) =>
          store.put(`inbox/${tenant}/documents/a b+ü.ndjson.gz`, gzipSync(`${lines(at * 10, at * 10 + 5)}broken\n`)),
        ),
      );
      await cloud.queue.idle();
      for (const [at, tenant] of tenants.entries()) {
        expect(await dropped(cloud, tenant)).toMatchObject([
          { file: "documents/a b+ü.ndjson.gz", status: "processed", accepted: 5, refused: 1 },
        ]);
        expect(await count(cloud, tenant, "group_concat(id)")).toBe(
          [0, 1, 2, 3, 4].map((more) => `d${at * 10 + more}`).join(","),
        );
      }
      expect(await Array.fromAsync(store.list("inbox/"))).toEqual([]);
      expect(cloud.queue.deadLetters).toEqual([]);
    },
    long,
  );

  test(
    "of every ending, each zipped too",
    async () => {
      const embedding = JSON.stringify([1, 2]);
      const contents: Readonly<Record<string, string>> = {
        "a.ndjson": `{"id":"a-ndjson","text":"x","embedding":${embedding}}\n`,
        "b.jsonl": `{"id":"b-jsonl","text":"x","embedding":${embedding}}`,
        "c.json": `[{"id":"c-json","text":"x","embedding":${embedding}}]`,
        "d.csv": `id,text,embedding\nd-csv,x,"${embedding}"\n`,
        "e.md": "# A title\n\nand a text",
        "f.txt": "a text",
      };
      for (const [name, content] of Object.entries(contents)) {
        await store.put(`inbox/endings/plain/${name}`, Buffer.from(content));
        await store.put(`inbox/endings/zipped/${name}.gz`, gzipSync(content));
      }
      await cloud.queue.idle();
      const told = (await dropped(cloud, "endings")).map(({ file, status, accepted }) => [file, status, accepted]);
      expect(told).toEqual([
        ...Object.keys(contents).map((name) => [`plain/${name}`, "processed", 1]),
        ...Object.keys(contents).map((name) => [`zipped/${name}.gz`, "processed", 1]),
      ]);
      const ids = ["a-ndjson", "b-jsonl", "c-json", "d-csv"];
      for (const [collection, names] of [
        ["plain", ["e.md", "f.txt"]],
        ["zipped", ["e.md.gz", "f.txt.gz"]],
      ] as const) {
        const sql = { sql: "SELECT id FROM documents ORDER BY id", collection };
        const answer = await cloud.call("POST", "/api/v1/search/sql", sql, { "x-mosaic-tenant": "endings" });
        expect(answer.body.rows?.flat()).toEqual([...ids, ...names]);
      }
    },
    long,
  );

  test(
    "once, however often an event comes, and when the object has gone",
    async () => {
      const body = (key: string): string =>
        JSON.stringify({
          Records: [{ eventName: "ObjectCreated:Put", s3: { bucket: { name: "mosaic-local" }, object: { key } } }],
        });
      await store.put("inbox/often/documents/x.ndjson", Buffer.from(lines(0, 500)));
      for (let time = 0; time < 5; time++) cloud.queue.send(body("inbox/often/documents/x.ndjson"));
      cloud.queue.send(body("inbox/often/documents/never.ndjson"));
      cloud.queue.send(JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent" }));
      await cloud.queue.idle();
      expect([await count(cloud, "often"), await count(cloud, "often", "count(DISTINCT id)")]).toEqual([500, 500]);
      expect(cloud.queue.deadLetters).toEqual([]);
    },
    long,
  );

  test(
    "a poison object ends in the dead-letter queue, stays where it is, and harms no other",
    async () => {
      await store.put("tenants/poison/documents/manifest.json", Buffer.from("{"));
      await store.put("inbox/poison/documents/bad.ndjson", Buffer.from(lines(0, 3)));
      await store.put("inbox/healthy/documents/good.ndjson", Buffer.from(lines(0, 3)));
      await cloud.queue.idle();
      expect(cloud.queue.deadLetters.splice(0)).toEqual([expect.stringContaining("bad.ndjson")]);
      expect(await store.head("inbox/poison/documents/bad.ndjson")).toBeDefined();
      expect(await dropped(cloud, "poison")).toMatchObject([
        { status: "retrying", fault: { code: "manifest_damaged" } },
      ]);
      expect(await count(cloud, "healthy")).toBe(3);
    },
    long,
  );
});

test(
  "functions that are killed in the middle lose nothing and store nothing twice",
  async () => {
    const environment = { MAX_BATCH_DOCS: "50", FOLD_SEGMENTS: "3", INBOX_HOLD_MS: "3000" };
    const cloud = await testCloud({ environment, retryMs: 1000 });
    const store = await bucketOf(cloud);
    const key = "inbox/killed/documents/x.ndjson";
    const event = JSON.stringify({
      Records: [{ eventName: "ObjectCreated:Put", s3: { bucket: { name: "mosaic-local" }, object: { key } } }],
    });
    // A hold outlives its process: what came back too soon, and too often, is told again.
    const tellAgain = (): void => {
      cloud.queue.deadLetters.splice(0);
      if (cloud.queue.open === 0) cloud.queue.send(event);
    };
    const objects = async (): Promise<number> => (await Array.fromAsync(store.list("tenants/killed/"))).length;
    let kills = 0;
    await store.put(key, Buffer.from(lines(0, 2000)));
    // Each time that something more is there: among writes, and among folds.
    for (let kill = 0; kill < 3; kill++) {
      const before = await objects();
      await expect
        .poll(
          async () => {
            const isThere = (await store.head(key)) !== undefined;
            if (isThere) tellAgain();
            return !isThere || (await objects()) > before;
          },
          { timeout: 600_000, interval: 20 },
        )
        .toBe(true);
      kills += cloud.lambda.kill(localName("ingest"));
    }
    await expect
      .poll(
        async () => {
          tellAgain();
          return (await dropped(cloud, "killed"))[0]?.["status"];
        },
        { timeout: 900_000, interval: 500 },
      )
      .toBe("processed");
    await cloud.queue.idle();
    expect(kills).toBeGreaterThan(0);
    expect([await count(cloud, "killed"), await count(cloud, "killed", "count(DISTINCT id)")]).toEqual([2000, 2000]);
  },
  long,
);

describe.skipIf(!hasSharedData)("real documents", () => {
  /** The first of them, with the vectors that come with them, or without. */
  async function* documents(most: number, vectors: Float16Array | undefined): AsyncGenerator<string> {
    const input = createReadStream(join(sharedData, "debian.ndjson.gz")).pipe(createGunzip());
    let at = 0;
    for await (const line of createInterface({ input })) {
      if (at === most) return;
      const embedding =
        vectors === undefined
          ? {}
          : { embedding: [...vectors.subarray(at * 384, at * 384 + 384)].map((x) => Math.round(x * 1e4) / 1e4) };
      const { id, text, metadata } = JSON.parse(line) as Record<string, unknown>;
      yield `${JSON.stringify({ id, text, metadata, ...embedding })}\n`;
      at++;
    }
  }

  test(
    "63,666 with their vectors as one gzip file, in bounded memory",
    async () => {
      const reports: { residentMb: number; ms: number }[] = [];
      const cloud = await testCloud({
        onReport: ({ functionName, maxResidentMb, durationMs }) => {
          if (functionName === localName("ingest")) reports.push({ residentMb: maxResidentMb, ms: durationMs });
        },
      });
      const store = await bucketOf(cloud);
      const path = join(temporaryFolder(), "debian.ndjson.gz");
      const bytes = readFileSync(join(sharedData, "debian.vectors.f16"));
      const vectors = new Float16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
      await pipeline(
        Readable.from(documents(Number.POSITIVE_INFINITY, vectors)),
        createGzip({ level: 1 }),
        createWriteStream(path),
      );
      await store.put("inbox/debian/documents/all.ndjson.gz", { path });
      await cloud.queue.idle();
      expect(await dropped(cloud, "debian")).toMatchObject([{ status: "processed", accepted: 63_666, refused: 0 }]);
      expect([await count(cloud, "debian"), await count(cloud, "debian", "count(DISTINCT id)")]).toEqual([
        63_666, 63_666,
      ]);
      const peakMb = Math.max(...reports.map(({ residentMb }) => residentMb));
      process.stderr.write(
        `ingest of 63,666: ${reports.length} runs, ${reports.map(({ ms }) => Math.round(ms))} ms, peak ${peakMb} MB\n`,
      );
      expect(peakMb).toBeLessThan(3008);
    },
    long,
  );

  test(
    "1,000 that the function embeds",
    async () => {
      const cloud = await testCloud({ environment: { EMBEDDING_MODEL: "local" } });
      const store = await bucketOf(cloud);
      const some = (await Array.fromAsync(documents(1000, undefined))).join("");
      await store.put("inbox/debian/documents/some.ndjson", Buffer.from(some));
      await cloud.queue.idle();
      expect(await dropped(cloud, "debian")).toMatchObject([{ status: "processed", accepted: 1000 }]);
      const found = await cloud.call(
        "POST",
        "/api/v1/search",
        { query: "a game of chess", limit: 3 },
        { "x-mosaic-tenant": "debian" },
      );
      expect([found.status, found.body.results.length]).toEqual([200, 3]);
      expect(await count(cloud, "debian", "count(embedding)")).toBe(1000);
    },
    long,
  );
});
if (!hasSharedData) test.skip("real documents: skipped without ../shared/data", () => undefined);
