import { gatewayHandler, type Service } from "../../../functions/http/handlers.ts";
import { httpApi } from "../../../infra/local/gateway/http-api.ts";
import { serveLocally } from "../../../infra/local/serving.ts";
import { gateway } from "../../../infra/table.ts";
import type { Engine } from "../../../src/engine/index.ts";
import { createApp, type RunningServer, startServer } from "../../../src/http/index.ts";

/** Which of the two ways to the API the HTTP tests take: a server of this process, or a function behind a gateway. */
export const target = process.env["MOSAIC_TEST_TARGET"] === "gateway" ? "gateway" : "server";

/** What a gateway does before any function is asked; tests of it stand aside, each with its reason. */
export const behindGateway = target === "gateway";

type Start = typeof startServer;

/** `startServer`, or the same app as a function of this process behind the local gateway. */
export const startTarget: Start = target === "server" ? startServer : startBehindGateway;

async function startBehindGateway(
  engine: Engine,
  ...[settings, tools]: DropFirst<Parameters<Start>>
): Promise<RunningServer> {
  const app = createApp(engine, settings, tools);
  const handle = gatewayHandler({
    fetch: (request) => app.fetch(request),
    settled: async () => undefined,
  } satisfies Service);
  const served = await serveLocally(
    httpApi(async (payload) => {
      const event = JSON.parse(payload.toString()) as Parameters<typeof handle>[0];
      const answer = await handle(event, { getRemainingTimeInMillis: () => gateway.timeoutSeconds * 1000 });
      return { outcome: { kind: "answer", body: Buffer.from(JSON.stringify(answer)) } };
    }),
    settings.port,
  );
  return {
    url: served.url,
    port: Number(new URL(served.url).port),
    close: async () => {
      served.close();
      await engine.close();
    },
  };
}

type DropFirst<Parameters extends readonly unknown[]> = Parameters extends readonly [unknown, ...infer Rest]
  ? Rest
  : never;
