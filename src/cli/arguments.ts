import { parseArgs } from "node:util";
import { type Command, type OptionSpec, type OptionValue, UsageError } from "./command.ts";

export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  storage: { type: "string", placeholder: "PATH", help: "folder or s3://bucket/prefix (STORAGE_PATH, ./data)" },
  tenant: { type: "string", placeholder: "NAME", help: "tenant (default)" },
  collection: { type: "string", placeholder: "NAME", help: "collection (documents)" },
  json: { type: "boolean", help: "print JSON" },
  help: { type: "boolean", help: "print this help" },
};

export interface Arguments {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** Throws UsageError for an option that the command does not know, one without its value, and a wrong number of operands. */
export function parseArguments(command: Command, args: readonly string[]): Arguments {
  const specs = { ...commonOptions, ...command.options };
  const options = Object.fromEntries(Object.entries(specs).map(([name, { type }]) => [name, { type }]));
  try {
    const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    const [least, most] = command.takes;
    if (values["help"] !== true && positionals.length < least) throw new UsageError(`${command.operands} is missing`);
    if (positionals.length > most) throw new UsageError(`too many operands: ${positionals.slice(most).join(" ")}`);
    return { positionals, options: values as Record<string, OptionValue> };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Node's messages end in advice about `--`, which helps nobody here.
    throw new UsageError((error as Error).message.split(/\. |\.?\n/)[0] ?? "wrong usage");
  }
}

export const usageLine = ({ name, operands }: Command): string =>
  `usage: mosaic ${[name, operands, "[options]"].filter(Boolean).join(" ")}`;

export function commandHelp(command: Command): string {
  const specs = { ...command.options, ...commonOptions };
  const names = Object.entries(specs).map(
    ([name, { placeholder }]) => `--${[name, placeholder].filter(Boolean).join(" ")}`,
  );
  const width = Math.max(...names.map((name) => name.length));
  const lines = Object.values(specs).map(({ help }, at) => `  ${(names[at] ?? "").padEnd(width)}  ${help}`);
  const details = command.details === undefined ? [] : ["", command.details];
  return [usageLine(command), "", command.summary, ...details, "", ...lines].join("\n");
}

export function generalHelp(commands: readonly Command[]): string {
  const heads = commands.map(({ name, operands }) => `${name} ${operands}`.trimEnd());
  const width = Math.max(...heads.map((head) => head.length));
  const lines = commands.map(({ summary }, at) => `  ${(heads[at] ?? "").padEnd(width)}  ${summary}`);
  return [
    "usage: mosaic COMMAND [options]",
    "",
    ...lines,
    "",
    "mosaic help COMMAND tells more. Settings are environment variables: see docs/configuration.md.",
  ].join("\n");
}
