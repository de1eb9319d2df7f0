import { isMosaicError } from "./errors.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
const rank: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 };

export type LogFields = Readonly<Record<string, unknown>>;
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What a log line says of an error: everything an operator needs, which the caller does not get. */
export function errorFields(error: unknown): LogFields {
  if (isMosaicError(error)) {
    const { kind, code, operation, key, hint } = error;
    const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : undefined;
    return { kind, code, operation, key, hint, message: error.message, cause };
  }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** JSON lines, one an event, written by `write` (stderr in a process). Lines below `level` cost one comparison. */
export function jsonLogger(level: LogLevel, nowMs: () => number, write: (line: string) => void): Logger {
  const at =
    (name: Exclude<LogLevel, "silent">) =>
    (message: string, fields: LogFields = {}): void => {
      if (rank[name] < rank[level]) return;
      write(`${JSON.stringify({ time: new Date(nowMs()).toISOString(), level: name, message, ...fields })}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
