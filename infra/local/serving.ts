import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { MosaicError } from "../../src/base/index.ts";

/** A server on this machine, by its address. */
export interface Served {
  readonly url: string;
  close(): void;
}

/** Listens on loopback: on `port`, or on a free one. Throws `unavailable` (`port_in_use`) when it is taken. */
export async function serveLocally(server: Server, port = 0): Promise<Served> {
  server.keepAliveTimeout = 60_000;
  server.listen(port, "127.0.0.1", 4096);
  await once(server, "listening").catch((error: unknown) => rethrow(error, port));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function rethrow(error: unknown, port: number): never {
  if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
  throw new MosaicError("unavailable", "listen", {
    code: "port_in_use",
    detail: `Another program listens on port ${port} of this machine: end it, or choose another port.`,
  });
}

/** Throws `unavailable` (`port_in_use`) when another program listens there. */
export async function mustBeFree(port: number): Promise<void> {
  await listened(port).catch((error: unknown) => rethrow(error, port));
}

export const freePort = (): Promise<number> => listened(0);

/** The port of a server that listened there for a moment. */
async function listened(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: at } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return at;
}
