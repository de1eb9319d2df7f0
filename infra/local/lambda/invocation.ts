import type { IncomingMessage } from "node:http";

/** How a call ended. */
export type Outcome =
  | { readonly kind: "answer"; readonly body: Buffer }
  /** The function threw, ran too long, used too much memory or ended. `body` is what AWS would answer. */
  | { readonly kind: "fault"; readonly errorType: string; readonly body: Buffer }
  | { readonly kind: "streamed" }
  /** Not run at all: 429 for one call too many, 404 for a function that isn't there. */
  | { readonly kind: "refused"; readonly status: 404 | 429; readonly errorType: string; readonly message: string };

/** What a call cost. */
export interface InvocationReport {
  readonly functionName: string;
  readonly cold: boolean;
  /** From the start of the process until it asks for its first call; 0 when the environment was there. */
  readonly initMs: number;
  readonly durationMs: number;
  /** Processor time of the environment until then, of all its threads. */
  readonly initProcessorMs: number;
  /** Largest resident memory of the environment's processes so far. */
  readonly maxResidentMb: number;
  /** The most that lay in its /tmp whenever somebody looked: every second, and after each call. */
  readonly maxTmpMb: number;
  readonly log: string;
}

export interface Invocation {
  readonly id: string;
  readonly payload: Buffer;
  /** Takes the answer as it comes, if the function streams. */
  readonly onStream?: (answer: IncomingMessage) => void;
}

export interface Invoked {
  readonly outcome: Outcome;
  readonly report?: InvocationReport;
}

export function fault(errorType: string, errorMessage: string): Outcome {
  return { kind: "fault", errorType, body: Buffer.from(JSON.stringify({ errorType, errorMessage })) };
}

export function faultOf(body: Buffer): Outcome {
  return { kind: "fault", errorType: errorTypeOf(body), body };
}

function errorTypeOf(body: Buffer): string {
  try {
    const { errorType } = JSON.parse(body.toString()) as { errorType?: unknown };
    return typeof errorType === "string" ? errorType : "Unhandled";
  } catch {
    return "Unhandled";
  }
}
