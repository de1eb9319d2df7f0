import { inject } from "vitest";
import { httpApi } from "../../../infra/local/gateway/http-api.ts";
import { LocalLambda } from "../../../infra/local/lambda/local-lambda.ts";
import { s3Credentials } from "../../../infra/local/s3/s3-server.ts";
import { serveLocally } from "../../../infra/local/serving.ts";
import type { Settings } from "../../../src/base/index.ts";
import type { RunningServer } from "../../../src/http/index.ts";
import type { LogLine } from "./server.ts";

/** The API as a function in a process of its own behind the local gateway; what it logs comes to `lines`. */
export async function startLambda(settings: Settings, ownEmbedder: boolean, lines: LogLine[]): Promise<RunningServer> {
  const { port, ...others } = settings;
  const lambda = new LocalLambda({
    functions: [
      {
        name: "api",
        folder: inject("apiFunction"),
        handler: "index.handler",
        memoryMb: 1769,
        timeoutS: 120,
        environment: {
          ...(settings.s3Endpoint === undefined ? {} : s3Credentials),
          MOSAIC_TEST_SETTINGS: JSON.stringify({ ...others, foldIdleMs: 0, useOwnEmbedder: ownEmbedder }),
        },
      },
    ],
    onLog: (_name, text) => lines.push(...text.split("\n").flatMap(logLine)),
  });
  const served = await serveLocally(
    httpApi((payload) => lambda.invoke("api", payload)),
    port,
  );
  return {
    url: served.url,
    port: Number(new URL(served.url).port),
    close: async () => {
      served.close();
      await lambda.close();
    },
  };
}

function logLine(text: string): readonly LogLine[] {
  if (!text.startsWith("{")) return [];
  const { level, message, ...fields } = JSON.parse(text) as LogLine["fields"];
  return [{ level: String(level), message: String(message), fields }];
}
