/**
 * An S3 server that only reads: the objects of a folder, behind a delay before each first byte and a bound on the bytes a
 * second of each connection, as a bucket in the same region has them. GET with `Range` and `If-None-Match`, HEAD, LIST. In a
 * process of its own; prints its port. Counts requests, bytes and rounds: `GET /__reset` gives them and begins anew.
 *
 * The test server would read all of an object into memory for each range of it.
 */
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface SlowS3Options {
  readonly folder: string;
  readonly firstByteMs: number;
  readonly bytesPerSecond: number;
}

export interface SlowS3Counts {
  readonly requests: number;
  readonly bytes: number;
  /** How often a request began while none was under way: requests that waited for others. */
  readonly rounds: number;
  /** By the first part of the key: requests and bytes. */
  readonly kinds: Readonly<Record<string, { readonly requests: number; readonly bytes: number }>>;
}

const { folder, firstByteMs, bytesPerSecond } = JSON.parse(process.argv[2] ?? "{}") as SlowS3Options;
const burstBytes = 256 * 1024;
const zero = () => ({
  requests: 0,
  bytes: 0,
  rounds: 0,
  kinds: {} as Record<string, { requests: number; bytes: number }>,
});
let counts = zero();
let underWay = 0;

/** When a connection may send again. */
const freeAt = new WeakMap<Socket, number>();
async function waitForTurn(socket: Socket, bytes: number): Promise<void> {
  const now = performance.now();
  const free = Math.max(freeAt.get(socket) ?? 0, now - (burstBytes / bytesPerSecond) * 1000);
  freeAt.set(socket, free + (bytes / bytesPerSecond) * 1000);
  if (free > now) await sleep(free - now);
}

const etagOf = (path: string): string => {
  const { size, mtimeMs, ino } = statSync(path);
  return `"${size.toString(16)}-${Math.round(mtimeMs).toString(16)}-${ino.toString(16)}"`;
};

function xml(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { "content-type": "application/xml", "content-length": Buffer.byteLength(body) })
    .end(body);
}

function list(response: ServerResponse, query: URLSearchParams): void {
  const prefix = query.get("prefix") ?? "";
  const within = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const names = existsSync(join(folder, within)) ? readdirSync(join(folder, within)).sort() : [];
  const most = Number(query.get("max-keys") ?? 1000);
  const keys = names.map((name) => within + name).filter((key) => key > (query.get("start-after") ?? ""));
  const files = keys.filter((key) => statSync(join(folder, key)).isFile()).slice(0, most);
  const items = files.map((key) => {
    const { size, mtime } = statSync(join(folder, key));
    return `<Contents><Key>${key}</Key><Size>${size}</Size><LastModified>${mtime.toISOString()}</LastModified></Contents>`;
  });
  xml(response, 200, `<ListBucketResult><IsTruncated>false</IsTruncated>${items.join("")}</ListBucketResult>`);
}

async function send(request: IncomingMessage, response: ServerResponse, path: string, kind: string): Promise<void> {
  const { size, mtime } = statSync(path);
  const etag = etagOf(path);
  if (request.headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
  const asked = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const start = asked === null ? 0 : Number(asked[1]);
  const end = asked === null ? size : Math.min(size, Number(asked[2]) + 1);
  const range = asked === null ? {} : { "content-range": `bytes ${start}-${end - 1}/${size}` };
  const head = { etag, "content-length": end - start, "last-modified": mtime.toUTCString(), ...range };
  response.writeHead(asked === null ? 200 : 206, head);
  if (request.method === "HEAD" || end === start) return void response.end();
  const of = counts.kinds[kind] ?? { requests: 0, bytes: 0 };
  counts.kinds[kind] = of;
  of.requests++;
  for await (const part of createReadStream(path, { start, end: end - 1, highWaterMark: 128 * 1024 })) {
    const bytes = part as Buffer;
    await waitForTurn(request.socket, bytes.length);
    counts.bytes += bytes.length;
    of.bytes += bytes.length;
    if (!response.write(bytes)) await new Promise((resolve) => response.once("drain", resolve));
  }
  response.end();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://slow");
  if (url.pathname === "/__reset") {
    response.end(JSON.stringify(counts));
    counts = zero();
    return;
  }
  if (underWay++ === 0) counts.rounds++;
  counts.requests++;
  response.once("close", () => underWay--);
  await sleep(firstByteMs);
  const [, key = ""] = decodeURIComponent(url.pathname)
    .slice(1)
    .split(/\/(.*)/s);
  const path = join(folder, key);
  if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
  if (key === "" || url.searchParams.has("list-type")) return list(response, url.searchParams);
  if (!existsSync(path)) return xml(response, 404, "<Error><Code>NoSuchKey</Code></Error>");
  await send(request, response, path, key.split("/")[3] ?? key);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().on("end", () => process.exit());
