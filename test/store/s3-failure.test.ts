import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { systemClock, systemRandom } from "../../src/base/index.ts";
import { Retrying } from "../../src/store/index.ts";
import { S3Store } from "../../src/store/s3.ts";
import { hasS3Server, type S3Server, s3Credentials, startS3Server, withoutS3Server } from "../support/s3-server.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function listen(answer: Answer): Promise<{ readonly endpoint: string; readonly server: Server }> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

/** A store whose server answers every request in this way. */
async function answering(answer: Answer): Promise<S3Store> {
  Object.assign(process.env, s3Credentials);
  const { server, endpoint } = await listen((request, response) => {
    request.resume().on("end", () => answer(request, response));
  });
  const store = new S3Store({ bucket: "b", prefix: "", endpoint });
  onTestFinished(async () => {
    await store.close();
    await close(server);
  });
  return store;
}

const refusing =
  (status: number, name: string): Answer =>
  (_request, response) => {
    response
      .writeHead(status, { "content-type": "application/xml" })
      .end(`<?xml version="1.0"?><Error><Code>${name}</Code><Message>secret detail</Message></Error>`);
  };

const body = Buffer.from("v");

test("a body whose file can't be written keeps no connection", async () => {
  const bytes = Buffer.alloc(8 * 1024 * 1024);
  const open = new Set<unknown>();
  const store = await answering((request, response) => {
    open.add(request.socket);
    request.socket.once("close", () => open.delete(request.socket));
    response.writeHead(200, { "content-length": bytes.length, etag: '"e"' }).end(bytes);
  });
  const path = join(tmpdir(), "no such folder", "file");
  await expect(store.download("k", path)).rejects.toMatchObject({ code: "ENOENT" });
  await expect.poll(() => open.size, { timeout: 10_000 }).toBe(0);
});

test("requests that wait for a connection are not told of on the console", async () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  onTestFinished(() => warned.mockRestore());
  const store = await answering(() => undefined);
  const enough = new AbortController();
  const gets = Array.from({ length: 1000 }, () => store.get("k", { signal: enough.signal }).catch(() => undefined));
  await systemClock.sleep(6000);
  enough.abort();
  await Promise.all(gets);
  expect(warned).not.toHaveBeenCalled();
});

describe("what S3 refuses has a name", () => {
  test.each([
    [503, "SlowDown", "unavailable", "storage_busy"],
    [503, "GlacierExpeditedRetrievalNotAvailable", "unavailable", "storage_busy"],
    [429, "TooManyRequests", "unavailable", "storage_busy"],
    [500, "InternalError", "unavailable", "storage_unreachable"],
    [503, "ServiceUnavailable", "unavailable", "storage_unreachable"],
    [403, "AccessDenied", "unavailable", "storage_denied"],
    [403, "InvalidAccessKeyId", "unavailable", "storage_denied"],
    [404, "NoSuchBucket", "unavailable", "bucket_not_found"],
    [403, "InvalidObjectState", "unavailable", "restore_required"],
  ])("reading, %i %s: %s, %s", async (status, name, kind, code) => {
    const store = await answering(refusing(status, name));
    const error: unknown = await store.get("k").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind, code, key: "k" });
    expect((error as { detail: string }).detail).not.toContain("secret");
  });

  test.each([
    [412, "PreconditionFailed", "conflict", "precondition_failed"],
    [409, "ConditionalRequestConflict", "unavailable", "conditional_conflict"],
    [404, "NoSuchKey", "conflict", "precondition_failed"],
    [404, "NoSuchBucket", "unavailable", "bucket_not_found"],
    [501, "NotImplemented", "unavailable", "storage_unsupported"],
    [503, "SlowDown", "unavailable", "storage_busy"],
    [500, "InternalError", "unavailable", "outcome_unknown"],
    [403, "AccessDenied", "unavailable", "storage_denied"],
  ])("swapping, %i %s: %s, %s", async (status, name, kind, code) => {
    const store = await answering(refusing(status, name));
    await expect(store.put("k", body, { ifMatch: '"e"' })).rejects.toMatchObject({ kind, code });
  });

  test("a put that may be repeated is no unknown outcome", async () => {
    const store = await answering(refusing(500, "InternalError"));
    await expect(store.put("k", body)).rejects.toMatchObject({ code: "storage_unreachable" });
  });

  test("nobody listens", async () => {
    const { server, endpoint } = await listen(() => undefined);
    await close(server);
    Object.assign(process.env, s3Credentials);
    const store = new S3Store({ bucket: "b", prefix: "", endpoint });
    await expect(store.get("k")).rejects.toMatchObject({ kind: "unavailable", code: "storage_unreachable" });
    await store.close();
  });
});

describe("an answer that breaks off", () => {
  const cut: Answer = (_request, response) => {
    response.writeHead(200, { "content-length": "1000", etag: '"e"' });
    response.write("x".repeat(100), () => response.destroy());
  };
  test("is no shorter object", async () => {
    const store = await answering(cut);
    await expect(store.get("k")).rejects.toMatchObject({ kind: "unavailable", code: "storage_unreachable" });
  });

  test("of a request that was given up ends as such", async () => {
    const store = await answering(() => undefined);
    const asked = store.get("k", { signal: AbortSignal.timeout(50) });
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });
});

const title = hasS3Server ? "before a real server" : `before a real server (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let real: S3Server;
  let proxy: Server;
  let store: S3Store;
  /** What happens to the answers that come now, one entry each: `lose` cuts the connection, `refuse` doesn't pass it on. */
  const faults: ("lose" | "refuse" | "truncate")[] = [];
  let seen = 0;

  beforeAll(async () => {
    real = await startS3Server();
    await real.createBucket("proxied");
    const { port } = new URL(real.endpoint);
    const listening = await listen((request, response) => {
      seen++;
      const fault = faults.shift();
      if (fault === "refuse") {
        request.resume().on("end", () => refusing(503, "SlowDown")(request, response));
        return;
      }
      const { method, url, headers } = request;
      const options = { host: "127.0.0.1", port, method, path: url, headers };
      const upstream = httpRequest(options, (answer) => {
        if (fault === "lose") {
          answer.resume().on("end", () => response.destroy());
          return;
        }
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        if (fault === "truncate") {
          answer.once("data", (chunk: Buffer) => {
            response.write(chunk.subarray(0, chunk.length / 2), () => response.destroy());
          });
        } else answer.pipe(response);
      });
      request.pipe(upstream);
    });
    proxy = listening.server;
    store = new S3Store({ bucket: "proxied", prefix: "", endpoint: listening.endpoint });
  });
  afterAll(async () => {
    await store?.close();
    if (proxy !== undefined) await close(proxy);
    await real?.stop();
  });
  afterEach(() => {
    expect(faults.splice(0)).toEqual([]);
  });

  const patient = (): Retrying => new Retrying(store, systemClock, systemRandom);

  test("a swap whose answer is lost has an unknown outcome, and happened", async () => {
    const { etag } = await store.put("swapped", Buffer.from("old"));
    faults.push("lose");
    await expect(patient().put("swapped", Buffer.from("new"), { ifMatch: etag })).rejects.toMatchObject({
      code: "outcome_unknown",
    });
    const got = await store.get("swapped");
    expect(got.status === "found" && Buffer.from(got.bytes).toString()).toBe("new");
    await expect(store.put("swapped", body, { ifMatch: etag })).rejects.toMatchObject({ kind: "conflict" });
  });

  test("a swap that was refused is sent again, and happens once", async () => {
    const { etag } = await store.put("refused", Buffer.from("old"));
    faults.push("refuse", "refuse");
    seen = 0;
    await patient().put("refused", Buffer.from("new"), { ifMatch: etag });
    expect(seen).toBe(3);
  });

  test("a read that was lost, refused and cut off comes whole in the end", async () => {
    const bytes = Buffer.alloc(200_000, "abc");
    await store.put("read", bytes);
    faults.push("lose", "refuse", "truncate");
    const got = await patient().get("read");
    expect(got.status === "found" && Buffer.compare(got.bytes, bytes)).toBe(0);
  });
});
