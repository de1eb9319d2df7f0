import type { InvokeCommand as Command, LambdaClient } from "@aws-sdk/client-lambda";
import { silentLogger } from "../../src/base/index.ts";

export interface LoadedLambda {
  readonly client: LambdaClient;
  readonly InvokeCommand: typeof Command;
}

/** All leaf functions at once (64 at most), each asked twice, and as many again that a call before this one gave up on. */
const mostSockets = 256;
const connectMs = 3_000;

let loading: Promise<LoadedLambda> | undefined;

/** The SDK's client of Lambda, loaded by the first call: most requests make none. */
export function lambdaClient(): Promise<LoadedLambda> {
  loading ??= load();
  return loading;
}

/** Retries are the caller's, who knows how much time is left. */
async function load(): Promise<LoadedLambda> {
  const { InvokeCommand, LambdaClient } = await import("@aws-sdk/client-lambda");
  const client = new LambdaClient({
    maxAttempts: 1,
    // It would write to the console, plain text among our log lines; what it says comes as an error too.
    logger: silentLogger,
    requestHandler: {
      connectionTimeout: connectMs,
      httpsAgent: { maxSockets: mostSockets },
      httpAgent: { maxSockets: mostSockets },
      logger: silentLogger,
    },
  });
  return { client, InvokeCommand };
}
