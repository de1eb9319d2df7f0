import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on this machine, by its address. */
export interface Served {
  readonly url: string;
  close(): void;
}

/** Listens on loopback: on `port`, or on a free one. Rejects when the port is taken. */
export async function serveLocally(server: Server, port = 0): Promise<Served> {
  server.keepAliveTimeout = 60_000;
  server.listen(port, "127.0.0.1", 4096);
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
