import { parseArgs } from "node:util";
import { isMosaicError } from "../../src/base/index.ts";
import { leafFunctions } from "../table.ts";

export interface CommandOptions {
  readonly port: number;
  readonly streamPort: number;
  readonly s3Port: number;
  readonly leaves: number;
  readonly schedule: boolean;
}

/** Wrong usage: what is wrong, in a sentence. */
export class UsageError extends Error {}

export const usage =
  "usage: npm run cloud -- [--port N] [--stream-port N] [--s3-port N] [--leaves N] [--schedule]\nports: 0 for a free one";

const whole = (name: string, text: string, least: number, most: number): number => {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`--${name} is a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
};

/** Options of `npm run cloud`. Throws `UsageError`. */
export function commandOptions(args: readonly string[]): CommandOptions {
  const values = parsed(args);
  const port = (name: "port" | "stream-port" | "s3-port"): number => whole(name, values[name], 0, 65_535);
  return {
    port: port("port"),
    streamPort: port("stream-port"),
    s3Port: port("s3-port"),
    leaves: whole("leaves", values.leaves, 0, leafFunctions.most),
    schedule: values.schedule,
  };
}

function parsed(args: readonly string[]) {
  const options = {
    port: { type: "string", default: "4050" },
    "stream-port": { type: "string", default: "4051" },
    "s3-port": { type: "string", default: "4052" },
    leaves: { type: "string", default: String(leafFunctions.default) },
    schedule: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\. |\.?\n/)[0]);
  }
}

/** What to say, and the exit code, when the cloud can't begin; undefined for a fault that is nobody's. */
export function told(error: unknown): { readonly text: string; readonly code: number } | undefined {
  if (error instanceof UsageError) return { text: `${error.message}\n${usage}`, code: 2 };
  if (isMosaicError(error)) return { text: error.detail, code: 1 };
  return undefined;
}
