import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "../../src/base/index.ts";
import { Metered } from "../../src/store/index.ts";
import { Retrying, repeating } from "../../src/store/retrying.ts";
import { S3Store } from "../../src/store/s3.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";

const mib = 1024 ** 2;
/** The smallest parts that S3 takes. */
const copying = { wholeMaxBytes: 6 * mib, partBytes: 5 * mib };
const Bucket = "copies";

interface Fault {
  /** The request that is answered with the fault, the first that comes. */
  readonly of: (request: IncomingMessage) => boolean;
  readonly status: number;
  readonly code: string;
}

const part =
  (number: number) =>
  ({ url = "" }: IncomingMessage): boolean =>
    url.includes(`partNumber=${number}&`) || url.endsWith(`partNumber=${number}`);
const ofUpload =
  (wanted: string) =>
  ({ method, url = "" }: IncomingMessage): boolean =>
    method === wanted && url.includes("uploadId=");

const title = hasS3Server ? "copies of large objects" : `copies of large objects (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let server: S3Server;
  let proxy: Server;
  let client: S3Client;
  let store: S3Store;
  let patient: S3Store;
  const faults: Fault[] = [];
  const seen: IncomingMessage[] = [];
  const bytes = randomBytes(12 * mib);

  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket(Bucket);
    const { port } = new URL(server.endpoint);
    proxy = createServer((request, response) => {
      seen.push(request);
      const at = faults.findIndex(({ of }) => of(request));
      const [fault] = at < 0 ? [] : faults.splice(at, 1);
      if (fault !== undefined) {
        request.resume().on("end", () => {
          const head = { "content-type": "application/xml" };
          response.writeHead(fault.status, head).end(`<Error><Code>${fault.code}</Code></Error>`);
        });
        return;
      }
      const { method, url, headers } = request;
      const upstream = httpRequest({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(upstream);
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const place = { bucket: Bucket, prefix: "some/prefix", endpoint, copying };
    store = new S3Store(place);
    patient = new S3Store({ ...place, again: repeating(systemClock, systemRandom) });
    client = new S3Client({ endpoint: server.endpoint, forcePathStyle: true, region: "us-east-1" });
  });
  afterAll(async () => {
    await store?.close();
    await patient?.close();
    client?.destroy();
    proxy?.closeAllConnections();
    proxy?.close();
    await server?.stop();
  });
  afterEach(() => {
    expect(faults.splice(0)).toEqual([]);
    seen.length = 0;
  });

  const unfinished = async (): Promise<number> =>
    (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0;
  const copiedParts = (): readonly IncomingMessage[] => seen.filter(({ url = "" }) => url.includes("partNumber="));
  const isWhole = async (key: string): Promise<boolean> => {
    const got = await store.get(key);
    return got.status === "found" && bytes.equals(got.bytes);
  };

  test("are byte equal, in the class that was asked for, and leave the source", async () => {
    await store.put("a b+ü%25", bytes);
    const source = await store.head("a b+ü%25");
    const { etag } = await store.copy("a b+ü%25", "to", { storageClass: "STANDARD_IA" });
    expect(await store.head("to")).toMatchObject({ etag, sizeBytes: bytes.length, storageClass: "STANDARD_IA" });
    expect(await isWhole("to")).toBe(true);
    expect(await isWhole("a b+ü%25")).toBe(true);
    expect(copiedParts().map(({ headers }) => headers["x-amz-copy-source-range"])).toHaveLength(3);
    for (const { headers } of copiedParts()) expect(headers["x-amz-copy-source-if-match"]).toBe(source?.etag);
    expect(await unfinished()).toBe(0);
  });

  test("take content type, metadata and tags along, and no class", async () => {
    const Key = "some/prefix/described";
    const described = { ContentType: "text/csv", Metadata: { origin: "here" }, CacheControl: "no-cache" };
    const Tagging = "team=a%20b%2Bc&x=%3D%2F";
    await client.send(
      new PutObjectCommand({ Bucket, Key, Body: bytes, ...described, Tagging, StorageClass: "GLACIER_IR" }),
    );
    await store.copy("described", "same");
    const target = { Bucket, Key: "some/prefix/same" };
    expect(await client.send(new HeadObjectCommand(target))).toMatchObject(described);
    expect((await store.head("same"))?.storageClass).toBe("STANDARD");
    const { TagSet } = await client.send(new GetObjectTaggingCommand(target));
    expect(new Map(TagSet?.map(({ Key: name, Value }) => [name, Value]))).toEqual(
      new Map([
        ["team", "a b+c"],
        ["x", "=/"],
      ]),
    );
  });

  test("go onto the object itself, to change its class", async () => {
    await store.put("self", bytes);
    const { etag } = await store.copy("self", "self", { storageClass: "GLACIER_IR" });
    expect(await store.head("self")).toMatchObject({ etag, storageClass: "GLACIER_IR" });
    expect(await isWhole("self")).toBe(true);
  });

  test("are made in one request up to the bound", async () => {
    await store.put("bound", bytes.subarray(0, copying.wholeMaxBytes));
    await store.copy("bound", "bound-copy");
    expect(copiedParts()).toEqual([]);
    expect((await store.head("bound-copy"))?.sizeBytes).toBe(copying.wholeMaxBytes);
    await store.put("beyond", bytes.subarray(0, copying.wholeMaxBytes + 1));
    await store.copy("beyond", "beyond-copy");
    expect(copiedParts()).toHaveLength(2);
    expect((await store.head("beyond-copy"))?.sizeBytes).toBe(copying.wholeMaxBytes + 1);
  });

  test("of what is absent are not_found; without a bucket that is said", async () => {
    await expect(store.copy("none", "to-none")).rejects.toMatchObject({ kind: "not_found", code: "object_not_found" });
    expect(await store.head("to-none")).toBeUndefined();
    const nowhere = new S3Store({ bucket: "nowhere", prefix: "", endpoint: server.endpoint, copying });
    await expect(nowhere.copy("a", "b")).rejects.toMatchObject({ code: "bucket_not_found" });
    await nowhere.close();
  });

  test.each([
    [500, "InternalError", { kind: "unavailable", code: "storage_unreachable" }],
    [412, "PreconditionFailed", { kind: "conflict", code: "precondition_failed" }],
    [404, "NoSuchKey", { kind: "not_found", code: "object_not_found" }],
    [404, "NoSuchUpload", { kind: "unavailable", code: "storage_unreachable" }],
    [403, "InvalidObjectState", { kind: "unavailable", code: "restore_required" }],
  ])("that fail at a part, %i %s, leave the target as it was and no part", async (status, code, failure) => {
    await store.put("from", bytes);
    await store.put("kept", Buffer.from("was here"));
    faults.push({ of: part(2), status, code });
    await expect(store.copy("from", "kept")).rejects.toMatchObject(failure);
    expect(await store.head("kept")).toMatchObject({ sizeBytes: 8 });
    expect(await unfinished()).toBe(0);
    expect(seen.filter(ofUpload("DELETE"))).toHaveLength(1);
  });

  test.each(["POST", "DELETE"])("whose %s fails say so", async (method) => {
    await store.put("from", bytes);
    const before = await unfinished();
    faults.push({ of: method === "POST" ? ofUpload("POST") : part(1), status: 500, code: "InternalError" });
    if (method === "DELETE") faults.push({ of: ofUpload("DELETE"), status: 403, code: "AccessDenied" });
    const error: unknown = await store.copy("from", "never").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(await store.head("never")).toBeUndefined();
    const left = method === "DELETE" ? 1 : 0;
    expect((await unfinished()) - before).toBe(left);
    const { hint = "", cause } = error as { readonly hint?: string; readonly cause?: unknown };
    expect(hint.includes("lifecycle rule")).toBe(left === 1);
    expect(cause instanceof AggregateError && cause.errors.length).toBe(left === 1 && 2);
  });

  test.each([
    ["in one request", mib, [], [1, 1]],
    // One look; it begins, has three parts, and ends.
    ["in parts", 12 * mib, [], [1, 5]],
    [
      "in parts, of which one is asked for twice",
      12 * mib,
      [{ of: part(3), status: 500, code: "InternalError" }],
      [1, 6],
    ],
    [
      "in parts, that fail at the end and are given up",
      12 * mib,
      [{ of: ofUpload("POST"), status: 403, code: "AccessDenied" }],
      [1, 5],
    ],
  ] as const)("are billed by request: %s", async (_how, size, failing, [gets, puts]) => {
    await store.put("billed", bytes.subarray(0, size));
    faults.push(...failing);
    seen.length = 0;
    const receipt = { getRequests: 0, putRequests: 0, listRequests: 0, bytesFetched: 0, cold: {} };
    await new Metered(patient, () => receipt).copy("billed", "billed-copy").catch(() => undefined);
    const sent = (...methods: readonly string[]): number =>
      seen.filter(({ method = "" }) => methods.includes(method)).length;
    expect([sent("GET", "HEAD"), sent("PUT", "POST")]).toEqual([gets, puts]);
    expect(receipt).toMatchObject({ getRequests: gets, putRequests: puts, listRequests: 0 });
  });

  test("ask again for a part, and for the end when it was refused, without beginning anew", async () => {
    await patient.put("from", bytes);
    faults.push({ of: part(3), status: 500, code: "InternalError" });
    faults.push({ of: ofUpload("POST"), status: 503, code: "SlowDown" });
    await patient.copy("from", "asked-again");
    expect(await isWhole("asked-again")).toBe(true);
    expect(copiedParts()).toHaveLength(4);
  });

  test("begin anew when it is unknown whether they ended", async () => {
    await patient.put("from", bytes);
    faults.push({ of: ofUpload("POST"), status: 500, code: "InternalError" });
    await new Retrying(patient, systemClock, systemRandom).copy("from", "anew");
    expect(await isWhole("anew")).toBe(true);
    expect(copiedParts()).toHaveLength(6);
  });
});
