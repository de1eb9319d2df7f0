/** Answers every GET with the same 16 KiB, as a range of an object; in a process of its own, whose time nobody counts. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const body = Buffer.alloc(16 * 1024, 7);
const headers = {
  "content-length": body.length,
  "content-range": `bytes 0-${body.length - 1}/1000000`,
  etag: '"0123456789abcdef0123456789abcdef"',
  "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT",
};
const server = createServer((_, response) => void response.writeHead(206, headers).end(body));
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
