import {
  CopyObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, test } from "vitest";
import { accessKeyOf, rightsOfFunctions } from "../../infra/local/s3/rights.ts";
import { startS3Server } from "../../infra/local/s3/s3-server.ts";
import { serveLocally } from "../../infra/local/serving.ts";
import type { FunctionName } from "../../infra/table.ts";
import { atEnd, shared } from "../engine/support/engine.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";

const Bucket = "mosaic-local";
const clientOf = (endpoint: string, accessKeyId: string): S3Client => {
  const credentials = { accessKeyId, secretAccessKey: "test" };
  const client = new S3Client({ endpoint, forcePathStyle: true, region: "us-east-1", credentials, maxAttempts: 1 });
  atEnd(() => client.destroy());
  return client;
};

/** What is refused is called `AccessDenied`, as by S3. */
const nameOf = async (answer: Promise<unknown>): Promise<string> => {
  try {
    await answer;
    return "done";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
};

describe("the guard before the local S3 server", () => {
  const denied: string[] = [];
  let endpoint: string;
  let anybody: S3Client;
  beforeAll(() =>
    shared(async () => {
      const server = await startS3Server();
      atEnd(() => server.stop());
      await server.createBucket(Bucket);
      const guard = await serveLocally(rightsOfFunctions(server.endpoint, (what) => denied.push(what)));
      atEnd(() => guard.close());
      endpoint = guard.url;
      anybody = clientOf(endpoint, "somebody");
      const Tagging = "team=search";
      await anybody.send(new PutObjectCommand({ Bucket, Key: "inbox/acme/documents/a.ndjson", Body: "{}", Tagging }));
      await anybody.send(new PutObjectCommand({ Bucket, Key: "tenants/acme/a", Body: "{}" }));
    }),
  );
  const as = (name: FunctionName): S3Client => clientOf(endpoint, accessKeyOf(name));

  test("lets a function do what the table says", async () => {
    expect(await nameOf(as("leaf").send(new GetObjectCommand({ Bucket, Key: "tenants/acme/a" })))).toBe("done");
    expect(await nameOf(as("leaf").send(new ListObjectsV2Command({ Bucket })))).toBe("done");
  });

  test("and nothing else", async () => {
    const put = new PutObjectCommand({ Bucket, Key: "tenants/acme/b", Body: "{}" });
    expect(await nameOf(as("leaf").send(put))).toBe("AccessDenied");
    expect(await nameOf(as("leaf").send(new GetObjectCommand({ Bucket, Key: "keys/x.json" })))).toBe("AccessDenied");
    expect(denied).toEqual(["leaf may not s3:PutObject on tenants/acme/b", "leaf may not s3:GetObject on keys/x.json"]);
  });

  test("sees both ends of a copy, and that tags go along", async () => {
    const CopySource = `${Bucket}/inbox/acme/documents/a.ndjson`;
    const to = (Key: string) => new CopyObjectCommand({ Bucket, Key, CopySource });
    expect(await nameOf(as("ingest").send(to("processed/acme/documents/a.ndjson")))).toBe("done");
    expect(await nameOf(as("ingest").send(to("tenants/acme/c")))).toBe("AccessDenied");
    expect(denied.at(-1)).toBe("ingest may not s3:PutObjectTagging on tenants/acme/c");
    expect(await nameOf(as("maintain").send(to("tenants/acme/c")))).toBe("AccessDenied");
    expect(denied.at(-1)).toMatch(/^maintain may not s3:(PutObjectTagging|GetObject) /);
  });
});

/** Everything that functions do in the bucket; that none was refused anything is checked when the cloud is closed. */
describe("with no more rights than in AWS", () => {
  const api = "/api/v1";
  let cloud: TestCloud;
  let anybody: S3Client;

  beforeAll(() =>
    shared(async () => {
      cloud = await testCloud({ environment: { SNAPSHOT_KEEP_MS: "1", GC_GRACE_MS: "0", MAINTAIN_QUIET_MS: "0" } });
      anybody = clientOf(cloud.s3?.endpoint ?? "", "somebody");
      const documents = Array.from({ length: 40 }, (_, at) => ({
        id: `d${at}`,
        text: `text of ${at}`,
        metadata: { outbound_links: [`d${(at + 1) % 40}`] },
        embedding: [at, 1, 0],
      }));
      const collection = { name: "documents", dimensions: 3, embedding_model: "none", shard_max_docs: 10 };
      expect((await cloud.call("POST", `${api}/collections`, collection)).status).toBe(201);
      expect((await cloud.call("POST", `${api}/documents/batch`, { documents })).status).toBe(200);
    }),
  );

  /** Answers with 202; `maintain` does it, in as many runs as it takes. */
  async function job(path: string, body: object = {}): Promise<void> {
    const { status, body: answer } = await cloud.call("POST", `${api}/${path}`, body);
    expect(status, JSON.stringify(answer)).toBe(202);
    await expect
      .poll(
        async () => {
          await cloud.invoke("maintain", {});
          const found = await cloud.call("GET", `${api}/jobs/${answer.job.id}`);
          return found.body.job?.status ?? found.body.status;
        },
        { timeout: 120_000, interval: 50 },
      )
      .toBe("done");
  }

  test("documents are folded, merged, archived, restored, ranked, and collected", async () => {
    await job("collections/documents/compact");
    await job("admin/archive", { older_than: "0h", storage_class: "GLACIER" });
    await job("admin/restore", { speed: "expedited" });
    await job("admin/archive", { older_than: "0h", storage_class: "GLACIER_IR" });
    await job("admin/compute-pagerank");
    for (const dry_run of [true, false])
      expect((await cloud.call("POST", `${api}/collections/documents/gc`, { dry_run })).status).toBe(200);
    const { body } = await cloud.call("POST", `${api}/search`, { vector: [1, 1, 0], limit: 40 });
    expect(body).toMatchObject({ degraded: false });
    expect(body.results).toHaveLength(40);
  });

  test("collections are branched, rolled back and deleted, documents changed and deleted", async () => {
    const answers = [
      await cloud.call("POST", `${api}/collections/documents/branch`, { name: "other" }),
      await cloud.call("PATCH", `${api}/documents/d1`, { metadata: { seen: true } }),
      await cloud.call("DELETE", `${api}/documents/d2`),
      await cloud.call("POST", `${api}/search/sql`, { sql: "SELECT count(*) FROM documents" }),
      await cloud.call("DELETE", `${api}/collections/other`),
      await cloud.call("GET", `${api}/inbox`),
    ];
    expect(answers.map(({ status }) => status).filter((status) => status >= 400)).toEqual([]);
  });

  test("files of the inbox are moved with their tags, good ones and bad ones", async () => {
    const put = (name: string, Body: string) =>
      anybody.send(
        new PutObjectCommand({ Bucket, Key: `inbox/default/documents/${name}`, Body, Tagging: "team=search" }),
      );
    await put("good.ndjson", '{"id": "g", "text": "good", "embedding": [1, 2, 3]}\n');
    await put("bad.unknown", "what is this");
    await cloud.queue.idle();
    await expect
      .poll(async () => {
        const { Contents = [] } = await anybody.send(new ListObjectsV2Command({ Bucket }));
        return Contents.flatMap(({ Key = "" }) => (/^(inbox|processed|failed)\//.test(Key) ? [Key] : [])).toSorted();
      })
      .toEqual(
        expect.arrayContaining(["failed/default/documents/bad.unknown", "processed/default/documents/good.ndjson"]),
      );
  });
});
