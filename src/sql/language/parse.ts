import { createRequire } from "node:module";
import type { Select } from "sqlite3-parser";
import { notAllowed, syntaxError, tooLarge } from "./errors.ts";
import type { StatementLimits } from "./limits.ts";
import { depthOf } from "./tree.ts";

type Parser = typeof import("sqlite3-parser");
let parser: Parser | undefined;

/** Loaded by the first statement: a function that never sees one starts without it. */
function parseStmt(source: string): ReturnType<Parser["parseStmt"]> {
  parser ??= createRequire(import.meta.url)("sqlite3-parser") as Parser;
  return parser.parseStmt(source);
}

/** A statement as SQLite's grammar reads it; nothing of it has been checked yet. */
export interface Parsed {
  readonly source: string;
  readonly select: Select;
  readonly explain: boolean;
}

/** Throws `sql_syntax`, `sql_not_allowed` for any other statement than a query, and `query_too_large`. */
export function parseSql(source: string, limits: StatementLimits): Parsed {
  if (Buffer.byteLength(source) > limits.maxBytes) {
    throw tooLarge(`The statement is longer than ${limits.maxBytes} bytes.`);
  }
  refuseCharacters(source);
  const result = parseStmt(source);
  if (result.status === "error") throw diagnose(source, result.errors[0]);
  const statement = result.root;
  if (depthOf(statement) > limits.maxDepth) throw tooLarge(`The statement is nested deeper than ${limits.maxDepth}.`);
  const explain = statement.type === "ExplainStmt";
  const query = statement.type === "ExplainStmt" ? statement.stmt : statement;
  if (query.type !== "SelectStmt") throw notAllowed(onlyQueries);
  return { source, select: query.body, explain };
}

const onlyQueries = "SQL is read-only here: send one SELECT, WITH … SELECT or VALUES, or EXPLAIN of one.";

function refuseCharacters(source: string): void {
  const zero = source.indexOf("\0");
  if (zero >= 0) throw syntaxError("the statement holds a NUL character", source, { offset: zero, length: 1 });
  if (!source.isWellFormed()) {
    throw syntaxError("the statement holds half of a surrogate pair", source, { offset: 0, length: 1 });
  }
}

interface Diagnostic {
  readonly message: string;
  readonly span: { readonly offset: number; readonly length: number };
  readonly hints?: readonly { readonly message: string }[];
}

/** A second statement is not a mistake of grammar, but refused. */
function diagnose(source: string, found: Diagnostic | undefined): Error {
  if (found === undefined) return syntaxError("syntax error", source, { offset: 0, length: 1 });
  if (found.message.includes("after single statement")) return notAllowed("Send one statement at a time.");
  const hint = found.hints?.[0]?.message;
  const message = hint === undefined ? found.message : `${found.message}; ${hint}`;
  return syntaxError(message, source, found.span);
}
