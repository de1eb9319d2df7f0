import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { RestoreObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ObjectStore } from "../../src/store/index.ts";
import { S3Store } from "../../src/store/s3.ts";
import { temporaryFolder } from "../engine/support/engine.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";

const mib = 1024 ** 2;
const Bucket = "restores";
const asked = { days: 1, speed: "bulk" } as const;
const frozen = { kind: "unavailable", code: "restore_required" };

/**
 * While a restored copy is on its way, which with Amazon takes hours. The server differs from Amazon's in that the copy
 * never goes again, and is there as fast for every speed; that it goes is tested with the store in memory.
 */
const title = hasS3Server ? "restores under way" : `restores under way (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let server: S3Server;
  let client: S3Client;
  let store: ObjectStore;
  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket(Bucket);
    const { endpoint } = server;
    client = new S3Client({ endpoint, forcePathStyle: true, region: "us-east-1", maxAttempts: 1 });
    // The smallest parts that S3 takes.
    store = new S3Store({
      bucket: Bucket,
      prefix: "",
      endpoint,
      copying: { wholeMaxBytes: 6 * mib, partBytes: 5 * mib },
    });
  });
  afterAll(async () => {
    client?.destroy();
    await store?.close();
    await server?.stop();
  });

  test.each([
    ["GLACIER", 4],
    ["DEEP_ARCHIVE", 4],
    ["GLACIER", 7 * mib],
  ] as const)("%s, %i bytes: nothing is read or copied before they are there", async (storageClass, size) => {
    const [key, to] = [`${storageClass}-${size}`, `to-${storageClass}-${size}`];
    const bytes = randomBytes(size);
    await store.put(key, bytes, { storageClass });
    await server.holdRestores();
    await store.restore(key, asked);
    await store.restore(key, asked);
    expect(await store.head(key)).toMatchObject({ storageClass, restore: "ongoing", sizeBytes: size });
    await expect(store.get(key)).rejects.toMatchObject(frozen);
    await expect(store.get(key, { range: { start: 0, end: 2 } })).rejects.toMatchObject(frozen);
    await expect(store.copy(key, to)).rejects.toMatchObject(frozen);
    await expect(store.download(key, join(temporaryFolder(), "x"))).rejects.toMatchObject(frozen);
    expect(await store.head(to)).toBeUndefined();

    await server.finishRestores();
    expect(await store.head(key)).toMatchObject({ storageClass, restore: "ready" });
    await store.restore(key, asked);
    await store.copy(key, to);
    const got = await store.get(to);
    expect(got.status === "found" && bytes.equals(got.bytes)).toBe(true);
    expect(await store.head(to)).not.toHaveProperty("restore");
    expect(await store.head(to)).toMatchObject({ storageClass: "STANDARD" });
  });

  test("asking at once from many places is as asking once", async () => {
    await store.put("many", Buffer.from("cold"), { storageClass: "GLACIER" });
    await server.holdRestores();
    await Promise.all(Array.from({ length: 8 }, () => store.restore("many", asked)));
    const again = new RestoreObjectCommand({ Bucket, Key: "many", RestoreRequest: { Days: 1 } });
    await expect(client.send(again)).rejects.toMatchObject({ name: "RestoreAlreadyInProgress" });
    await server.finishRestores();
    expect((await store.head("many"))?.restore).toBe("ready");
  });
});
