import {
  collectionName,
  jsonLogger,
  MosaicError,
  nearest,
  packageVersion,
  settingsFrom,
  systemClock,
  systemRandom,
  tenantName,
} from "../base/index.ts";
import { Mosaic } from "../engine/index.ts";
import { type Arguments, commandHelp, generalHelp, parseArguments, usageLine } from "./arguments.ts";
import { type Command, type Context, exitDone, exitFailed, exitUsage, UsageError } from "./command.ts";
import { commands } from "./commands/index.ts";
import type { Output } from "./output.ts";

/** Runs one command line (without `node` and the script) and returns its exit code. Throws nothing. */
export async function run(args: readonly string[], output: Output, stdin: AsyncIterable<Uint8Array>): Promise<number> {
  const [word = "help", ...rest] = args;
  if (["help", "--help", "-h"].includes(word)) return help(rest[0], output);
  if (["version", "--version", "-v"].includes(word)) {
    output.data(packageVersion);
    return exitDone;
  }
  const command = commands.find(({ name }) => name === word);
  if (command === undefined) return unknown(word, output);
  try {
    const parsed = parseArguments(command, rest);
    if (parsed.options["help"] === true) return help(command.name, output);
    return await runCommand(command, parsed, output, stdin);
  } catch (error) {
    return report(command, error, output);
  }
}

async function runCommand(
  command: Command,
  { positionals, options }: Arguments,
  output: Output,
  stdin: AsyncIterable<Uint8Array>,
): Promise<number> {
  const { storage } = options;
  // A command's own logs would stand between its lines; the server's are what one runs it for. And a single query is
  // over before a thread for it has started.
  const isServer = command.name === "serve";
  const quiet = isServer ? {} : ({ logLevel: isDebugging() ? "debug" : "warn", searchThreads: 0 } as const);
  const settings = settingsFrom({ ...(typeof storage === "string" ? { storagePath: storage } : {}), ...quiet });
  const logger = jsonLogger(settings.logLevel, systemClock.now, (line) => output.raw(line));
  const tenant = tenantName(text(options["tenant"]) ?? "default");
  const named = text(options["collection"]);
  const collection = collectionName(named ?? "documents");
  let engine: Mosaic | undefined;
  const context: Context = {
    positionals,
    options,
    settings,
    tenant,
    named: named === undefined ? undefined : collection,
    scope: { tenant, collection },
    json: options["json"] === true,
    output,
    clock: systemClock,
    random: systemRandom,
    logger,
    stdin,
    open: async () => {
      engine = await Mosaic.open(settings, { logger, clock: systemClock, random: systemRandom });
      return engine;
    },
  };
  try {
    return await command.run(context);
  } finally {
    await engine?.close();
  }
}

const text = (value: string | boolean | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

function help(name: string | undefined, output: Output): number {
  const command = commands.find((each) => each.name === name);
  if (name !== undefined && command === undefined) return unknown(name, output);
  output.data(command === undefined ? generalHelp(commands) : commandHelp(command));
  return exitDone;
}

function unknown(word: string, output: Output): number {
  const meant = nearest(
    word,
    commands.map(({ name }) => name),
  );
  const advice = meant === undefined ? "mosaic help lists the commands" : `did you mean ${meant}?`;
  output.note(`mosaic: there is no command ${JSON.stringify(word)}; ${advice}`);
  return exitUsage;
}

function report(command: Command, error: unknown, output: Output): number {
  if (error instanceof UsageError) {
    output.note(`mosaic ${command.name}: ${error.message}`);
    output.note(usageLine(command));
    return exitUsage;
  }
  if (error instanceof MosaicError) {
    output.note(`mosaic: ${error.detail}`);
    if (error.hint !== undefined) output.note(`        ${error.hint}`);
  } else {
    output.note(`mosaic: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isDebugging()) output.note(String((error as Error).stack));
  return exitFailed;
}

/** Also when it is the settings that are wrong. */
function isDebugging(): boolean {
  try {
    return settingsFrom().logLevel === "debug";
  } catch {
    return false;
  }
}
