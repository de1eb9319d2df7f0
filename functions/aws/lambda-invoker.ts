import type { InvokeOutcome, Invoker } from "../../src/search/index.ts";
import { lambdaClient } from "./lambda-client.ts";

/** Leaf functions of AWS: `<name>-0`, `<name>-1` … */
export class LambdaInvoker implements Invoker {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async invoke(leaf: number, text: string): Promise<InvokeOutcome> {
    const { client, InvokeCommand } = await lambdaClient();
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
