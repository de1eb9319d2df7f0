import { MosaicError } from "../../base/index.ts";
import { meant } from "../language/check.ts";
import { columnNames } from "../language/documents.ts";
import { tooLarge } from "../language/errors.ts";

const tooBig = 18;
const noMemory = 7;
const full = 13;
const corrupt: ReadonlySet<number> = new Set([10, 11, 14, 26]);
const denied = 23;

/** A part has no room for more. */
export const isFull = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && (Number(error.errcode) & 255) === full;

/** What SQLite says of a statement, as an error for who sent it: its messages name nothing but what the statement does. */
export function failureOf(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  const code = Number(error.errcode) & 255;
  if (code === tooBig) return tooLarge("A text or blob grew beyond what a value may be.");
  if (code === noMemory) return tooLarge("The query needs more memory than it may use.");
  if (code === full) return tooLarge("The query gathers more than it may; filter more, or select fewer columns.");
  if (corrupt.has(code)) return damaged(error);
  if (code === denied) {
    return new MosaicError("invalid", "run SQL", {
      code: "sql_not_allowed",
      detail: `SQLite was told: ${error.message}.`,
    });
  }
  return statementError(error.message);
}

const damaged = (cause: Error): MosaicError =>
  new MosaicError("data", "run SQL", {
    code: "shard_damaged",
    detail: "A shard file can't be read.",
    hint: "run: mosaic verify",
    cause,
  });

function statementError(message: string): MosaicError {
  // Every name of the printed statement is quoted, so SQLite wonders whether it was meant as text.
  const found = /^no such column: (.+?)(?: - should this be a string literal in single-quotes\?)?$/.exec(message)?.[1];
  const column = found?.replace(/^.*\./, "").replaceAll('"', "");
  if (column !== undefined) {
    const detail = `There is no column ${JSON.stringify(column)}${meant(column, columnNames)}.`;
    return new MosaicError("invalid", "run SQL", { code: "unknown_column", detail });
  }
  return new MosaicError("invalid", "run SQL", { code: "sql_failed", detail: `SQLite says: ${message}.` });
}
