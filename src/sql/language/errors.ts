import { MosaicError } from "../../base/index.ts";

export const notAllowed = (detail: string): MosaicError =>
  new MosaicError("invalid", "read SQL", { code: "sql_not_allowed", detail });

export const tooLarge = (detail: string): MosaicError =>
  new MosaicError("too_large", "run SQL", { code: "query_too_large", detail });

export const timedOut = (timeoutMs: number): MosaicError =>
  new MosaicError("timeout", "run SQL", {
    code: "query_timeout",
    detail: `The query was not done within ${timeoutMs} ms and was ended; ask for less, or send a larger timeout_ms.`,
  });

/** Where something lies in the statement: offset in UTF-16 units, line and column from 1. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

/** Bad SQL: says where by line and column, and shows the line with a caret below it. */
export function syntaxError(message: string, source: string, { offset, length }: Place): MosaicError {
  const lineStart = source.lastIndexOf("\n", offset - 1) + 1;
  const lineEnd = source.indexOf("\n", offset);
  const line = source.slice(lineStart, lineEnd === -1 ? source.length : lineEnd).slice(0, shownColumns + offset);
  const column = offset - lineStart;
  const number = source.slice(0, lineStart).split("\n").length;
  const from = Math.max(0, column - shownColumns);
  const shown = line.slice(from, column + shownColumns);
  const room = Math.max(1, Math.min(length, shown.length - (column - from)));
  const caret = `${" ".repeat(column - from)}${"^".repeat(room)}`;
  const detail = `${message} (line ${number}, column ${column + 1})\n${shown}\n${caret}`;
  return new MosaicError("invalid", "read SQL", { code: "sql_syntax", detail });
}

const shownColumns = 60;
