import type { Clock, CollectionName, Logger, Random, Scope, Settings, TenantName } from "../base/index.ts";
import type { Mosaic } from "../engine/index.ts";
import type { Output } from "./output.ts";

export type OptionValue = string | boolean | undefined;

export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** In the help: `--limit N`. */
  readonly placeholder?: string;
  readonly help: string;
}

/** What a command is given: everything that touches the world comes in here. */
export interface Context {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly settings: Settings;
  readonly tenant: TenantName;
  /** The collection that was named, if one was. */
  readonly named: CollectionName | undefined;
  readonly scope: Scope;
  readonly json: boolean;
  readonly output: Output;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Opens the engine; it is closed when the command ends. */
  open(): Promise<Mosaic>;
}

export const exitDone = 0;
export const exitFailed = 1;
export const exitUsage = 2;

export interface Command {
  readonly name: string;
  /** What follows the name: `FILE…`. */
  readonly operands: string;
  readonly summary: string;
  /** Smallest and largest number of operands. */
  readonly takes: readonly [number, number];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Further lines of its help. */
  readonly details?: string;
  /** Returns the exit code. */
  run(context: Context): Promise<number>;
}

/** Wrong usage: the message, then the command's usage line, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A whole number from `least` to `most`, or undefined when the option was not given. */
export function wholeOption(context: Context, name: string, least: number, most: number): number | undefined {
  const text = context.options[name];
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}`);
}

/** A generation or a time, as the engine reads it; undefined when the option was not given. */
export function asOfOption({ options }: Context): string | undefined {
  const given = options["as-of"];
  return typeof given === "string" ? given : undefined;
}

/** One of `choices`, or undefined when the option was not given. */
export function choiceOption<Choice extends string>(
  context: Context,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = context.options[name];
  if (text === undefined) return undefined;
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--${name} takes ${choices.join(", ")}`);
}
