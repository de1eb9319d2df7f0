import type { InvokeCommand as Command, LambdaClient } from "@aws-sdk/client-lambda";
import { silentLogger } from "../../src/base/index.ts";
import type { InvokeOutcome, Invoker } from "../../src/search/index.ts";

interface Loaded {
  readonly client: LambdaClient;
  readonly InvokeCommand: typeof Command;
}

/** Leaf functions of AWS: `<name>-0`, `<name>-1` … The SDK is loaded by the first call: most requests make none. */
export class LambdaInvoker implements Invoker {
  readonly #name: string;
  #loading: Promise<Loaded> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async invoke(leaf: number, text: string): Promise<InvokeOutcome> {
    this.#loading ??= load();
    const { client, InvokeCommand } = await this.#loading;
    const input = { FunctionName: `${this.#name}-${leaf}`, Payload: Buffer.from(text) };
    try {
      const { FunctionError, Payload } = await client.send(new InvokeCommand(input));
      const answer = Buffer.from(Payload ?? []).toString("utf8");
      return FunctionError === undefined ? { kind: "answer", text: answer } : { kind: "failed", reason: answer };
    } catch (error) {
      return outcomeOf(error);
    }
  }
}

/** All leaf functions at once (64 at most), each asked twice, and as many again that a call before this one gave up on. */
const mostSockets = 256;
const connectMs = 3_000;

/** Retries are the caller's, who knows how much time is left. */
async function load(): Promise<Loaded> {
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

const throttling: ReadonlySet<string> = new Set([
  "TooManyRequestsException",
  "ThrottlingException",
  "EC2ThrottledException",
  "ENILimitReachedException",
]);

function outcomeOf(error: unknown): InvokeOutcome {
  const { name = "", message = "" } = error instanceof Error ? error : {};
  return throttling.has(name) ? { kind: "throttled" } : { kind: "failed", reason: `${name}: ${message}` };
}
