import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { settingsFrom, systemClock, systemRandom } from "../../src/base/index.ts";
import { Retrying } from "../../src/store/index.ts";
import { S3Store, type S3StoreOptions } from "../../src/store/s3.ts";

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a server computes from what it received: "Create a signed AWS API request" of the IAM user guide, step by step. */
function expectedSignature({ method, url = "", headers }: IncomingMessage): string {
  const [, scope = "", names = ""] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+),/.exec(headers.authorization ?? "") ?? [];
  const [path = "", asked = ""] = url.split("?");
  const query = asked.split("&").sort().join("&");
  const canonicalHeaders = names.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonical = [method, path, query, canonicalHeaders.join(""), names, headers["x-amz-content-sha256"]].join("\n");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce((last: string | Buffer, part) => hmac(last, part), `AWS4${secret}`);
  return hmac(key, text).toString("hex");
}

const signatureOf = ({ headers }: IncomingMessage): string | undefined =>
  /Signature=([0-9a-f]+)$/.exec(headers.authorization ?? "")?.[1];
const regionOf = ({ headers }: IncomingMessage): string | undefined => headers.authorization?.split("/")[2];
const isSdk = ({ headers }: IncomingMessage): boolean => headers["user-agent"]?.startsWith("aws-sdk-js") === true;

const found = (response: ServerResponse): void => {
  const date = "Wed, 02 Jan 2030 03:04:05 GMT";
  const classed = { "x-amz-storage-class": "GLACIER_IR" };
  response.writeHead(200, { "content-length": "5", etag: '"e"', "last-modified": date, ...classed }).end("bytes");
};

/** A store of a server that answers by `answer`, and what it was asked. */
async function serving(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<S3StoreOptions> = {},
) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    request.resume().on("end", () => answer(request, response));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: secret });
  process.env["AWS_SESSION_TOKEN"] = "a/token+of=some/length==";
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = new S3Store({ bucket: "b", prefix: "pre (1)", endpoint, region: "us-east-1", ...options });
  onTestFinished(async () => {
    delete process.env["AWS_SESSION_TOKEN"];
    await store.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { store, asked, endpoint };
}

const awkward = "inbox/a+b c/ü~'!*()$&=@;:,?#%2F.ndjson";

test("requests carry the signature that a server computes of them", async () => {
  const { store, asked } = await serving((_, response) => found(response));
  await store.get(awkward, { range: { start: 0, end: 5 }, ifNoneMatch: '"x"' });
  await store.head(awkward);
  await store.delete(awkward);
  await Array.fromAsync(store.list(awkward, { startAfter: awkward, limit: 7 })).catch(() => undefined);
  expect(asked.map(isSdk)).toEqual([false, false, true, false]);
  for (const request of asked) expect(signatureOf(request), request.method).toBe(expectedSignature(request));
  const urls = asked.map(({ url = "" }) => new URL(url, "http://b"));
  expect(urls.map(({ pathname }) => decodeURIComponent(pathname))).toEqual([
    ...Array.from({ length: 3 }, () => `/b/pre (1)/${awkward}`),
    "/b/",
  ]);
  expect(Object.fromEntries(urls[3]?.searchParams ?? [])).toEqual({
    "list-type": "2",
    "max-keys": "7",
    prefix: `pre (1)/${awkward}`,
    "start-after": `pre (1)/${awkward}`,
  });
  const [first] = asked;
  expect(first?.headers).toMatchObject({ range: "bytes=0-4", "if-none-match": '"x"' });
  expect(first?.headers.authorization).toContain(
    "SignedHeaders=host;if-none-match;range;x-amz-content-sha256;x-amz-date;x-amz-security-token",
  );
});

test("what the headers say is what is known of the object", async () => {
  const { store } = await serving((_, response) => found(response));
  const got = await store.get("k");
  const info = {
    key: "k",
    etag: '"e"',
    sizeBytes: 5,
    modifiedMs: Date.UTC(2030, 0, 2, 3, 4, 5),
    storageClass: "GLACIER_IR",
  };
  expect(got).toMatchObject({ status: "found", info });
  expect(got.status === "found" && Buffer.from(got.bytes).toString()).toBe("bytes");
  expect(await store.head("k")).toEqual(info);
});

test("a list comes page by page, its keys as they are", async () => {
  const contents = (key: string) =>
    `<Contents><Key>pre (1)/${key}</Key><LastModified>2030-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag><Size>12</Size></Contents>`;
  const { store, asked } = await serving(({ url = "" }, response) => {
    const isLast = url.includes("continuation-token=more%2F%2B%3D");
    const rest = isLast
      ? contents("b&amp;&lt;c&gt;")
      : `${contents("a")}<NextContinuationToken>more/+=</NextContinuationToken>`;
    response.end(`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>b</Name>${rest}</ListBucketResult>`);
  });
  const listed = await Array.fromAsync(store.list(""));
  const info = { etag: '"e"', sizeBytes: 12, modifiedMs: Date.UTC(2030, 0, 2, 3, 4, 5, 678), storageClass: "STANDARD" };
  expect(listed).toEqual([
    { key: "a", ...info },
    { key: "b&<c>", ...info },
  ]);
  expect(asked.map(isSdk)).toEqual([false, false]);
});

test.each(["", "<ListBucketResult><Contents><Key>a</Key>", "<html>sorry</html>"])(
  "%j is no empty list",
  async (xml) => {
    const { store } = await serving((_, response) => void response.end(xml));
    await expect(Array.fromAsync(store.list(""))).rejects.toMatchObject({ code: "storage_unreachable" });
  },
);

test("a bucket of another region is read by the SDK, which finds it", async () => {
  const { store, asked } = await serving((request, response) => {
    if (regionOf(request) === "eu-west-1") return found(response);
    response.writeHead(301, { "x-amz-bucket-region": "eu-west-1" });
    response.end("<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>");
  });
  expect(await store.get("k")).toMatchObject({ status: "found" });
  expect(asked.map(isSdk)).toEqual([false, true, true]);
  expect(await store.head("k")).toMatchObject({ sizeBytes: 5 });
  expect(asked.slice(3).every(isSdk), "and from then on").toBe(true);
});

/** A server whose clock is an hour ahead of this machine's, and S3's patience with that. */
const anHourAhead = (request: IncomingMessage, response: ServerResponse): void => {
  const serverMs = Date.now() + 3_600_000;
  const [, date = "", time = ""] = /^(\d{8})T(\d{6})Z$/.exec(String(request.headers["x-amz-date"])) ?? [];
  const dashed = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
  const signedMs = Date.parse(`${dashed}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`);
  response.setHeader("date", new Date(serverMs).toUTCString());
  if (Math.abs(serverMs - signedMs) < 900_000) found(response);
  else response.writeHead(403).end("<Error><Code>RequestTimeTooSkewed</Code><Message>too skewed</Message></Error>");
};

test("where this machine's clock is wrong, the SDK corrects it, and reads from then on", async () => {
  const { store, asked } = await serving(anHourAhead);
  const again = new Retrying(store, systemClock, systemRandom);
  expect(await again.get("k")).toMatchObject({ status: "found" });
  const first = asked.length;
  expect(await again.head("k")).toMatchObject({ sizeBytes: 5 });
  expect(asked.slice(first).map(isSdk)).toEqual([true]);
});

test("also where the first request is a HEAD, whose refusal has no name", async () => {
  const { store } = await serving(anHourAhead);
  const again = new Retrying(store, systemClock, systemRandom);
  expect(await again.head("k")).toMatchObject({ sizeBytes: 5 });
});

test("and writes, the first too", async () => {
  const { store } = await serving(anHourAhead);
  const again = new Retrying(store, systemClock, systemRandom);
  expect(await again.put("k", Buffer.from("v"), { ifNoneMatch: "*" })).toEqual({ etag: '"e"' });
});

test("who may not read is told so, and the next read is tried as before", async () => {
  const { store, asked } = await serving((_, response) => {
    response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>");
  });
  await expect(store.get("k")).rejects.toMatchObject({ code: "storage_denied" });
  await expect(store.head("k")).rejects.toMatchObject({ code: "storage_denied" });
  expect(asked.map(isSdk)).toEqual([false, true, false, true]);
});

test.each([404, 416, 429, 500, 503])("a refusal with %i is asked once", async (status) => {
  const { store, asked } = await serving((_, response) => {
    response.writeHead(status).end();
  });
  await store.download("k", "/dev/null").catch(() => undefined);
  expect(asked.map(isSdk)).toEqual([false]);
});

test("where AWS's own settings have a say, the SDK reads", async () => {
  const { asked, endpoint } = await serving((_, response) => found(response));
  process.env["AWS_ENDPOINT_URL_S3"] = endpoint;
  const store = new S3Store({ bucket: "b", prefix: "", region: "us-east-1", asConfigured: true });
  onTestFinished(async () => {
    delete process.env["AWS_ENDPOINT_URL_S3"];
    await store.close();
  });
  expect(await store.get("k")).toMatchObject({ status: "found" });
  expect(asked.map(isSdk)).toEqual([true]);
});

test.each([
  [{}, false],
  [{ AWS_PROFILE: "work" }, true],
  [{ AWS_ENDPOINT_URL_S3: "http://localhost:9000" }, true],
  [{ AWS_USE_FIPS_ENDPOINT: "true" }, true],
  [{ AWS_CONFIG_FILE: import.meta.filename }, true],
])("of the environment %j that is %s", (env, configured) => {
  expect(settingsFrom({}, { AWS_CONFIG_FILE: "/nowhere", ...env }).awsConfigured).toBe(configured);
});
