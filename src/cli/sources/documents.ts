import { pipeline, Readable } from "node:stream";
import { parse } from "csv-parse";
import { isMosaicError, MosaicError } from "../../base/index.ts";
import { type JsonFault, jsonFault, splitLines } from "../../http/index.ts";
import { titleOf } from "./markdown.ts";
import { contentOf, textOf, textsOf } from "./read-file.ts";

/** A document as read, not yet checked; or why a line is none. `place` is for people: `line 7`. */
export interface Read {
  readonly place: string;
  readonly document?: unknown;
  readonly fault?: string;
}

/** Longest line of NDJSON: a document at its limits fits several times. */
const maxLineBytes = 16 * 1024 * 1024;

type Format = (path: string, chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<Read>;

const formats: Readonly<Record<string, Format>> = { ndjson, jsonl: ndjson, json, csv, md: markdown, txt: plainText };

/** Standard input. */
export const standardInput = "-";

/**
 * The documents of a file, by its name's ending (before a `.gz`). Holds no more of it than a line, but for `.json`. Where
 * the file cannot be read, or no further, the last thing read is that fault.
 */
export async function* documentsOf(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Read> {
  try {
    if (path === standardInput) yield* ndjson(path, contentOf(stdin, onRead));
    else yield* formatOf(path)(path, contentOf(path, onRead));
  } catch (error) {
    if (!isMosaicError(error, "invalid")) throw error;
    yield { place: path, fault: error.detail };
  }
}

/** Throws `invalid` for an ending that says nothing. */
export function formatOf(path: string): Format {
  const [, ending = ""] = /\.([a-z]+)(?:\.gz)?$/i.exec(path) ?? [];
  const format = formats[ending.toLowerCase()];
  if (format !== undefined) return format;
  throw new MosaicError("invalid", "read file", {
    code: "unknown_format",
    detail: `${path}: the name should end in ${Object.keys(formats)
      .map((name) => `.${name}`)
      .join(", ")} (and .gz).`,
  });
}

async function* ndjson(_path: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Read> {
  for await (const { index, text, fault } of splitLines(chunks, maxLineBytes)) {
    const place = `line ${index + 1}`;
    yield text === undefined ? { place, fault: fault?.detail ?? "unreadable" } : { place, ...parsed(text) };
  }
}

function parsed(text: string): { readonly document: unknown } | { readonly fault: string } {
  try {
    return { document: JSON.parse(text) as unknown };
  } catch {
    return { fault: whereFrom(jsonFault(text)) };
  }
}

/** Where a line of a file is at fault, the column says it: it has but one line of its own. */
const whereFrom = (fault: JsonFault | undefined): string =>
  fault?.detail.replace(/^Line 1, c/, "C") ?? "It is not JSON.";

async function* json(path: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Read> {
  const read = parsed(await textOf(chunks));
  if ("fault" in read) {
    yield { place: path, fault: read.fault };
    return;
  }
  const list = Array.isArray(read.document) ? (read.document as unknown[]) : [read.document];
  for (const [at, document] of list.entries()) yield { place: `document ${at + 1}`, document };
}

const known = new Set(["id", "text", "created_at"]);

/** A header row; `id`, `text`, `created_at` and `embedding` (a JSON array) are themselves, other columns metadata. */
async function* csv(path: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Read> {
  // The callback only keeps a failure from being thrown twice: it reaches the reader of the rows.
  const rows = pipeline(
    Readable.from(textsOf(chunks)),
    parse({ columns: true, bom: true, skip_empty_lines: true, relax_column_count: false }),
    () => undefined,
  );
  let row = 1;
  try {
    for await (const record of rows as AsyncIterable<Record<string, string>>) {
      row++;
      yield { place: `row ${row}`, ...csvDocument(record) };
    }
  } catch (cause) {
    if (cause instanceof MosaicError) throw cause;
    yield {
      place: `${path}, after row ${row}`,
      fault: `The table cannot be read further: ${(cause as Error).message}.`,
    };
  }
}

function csvDocument(
  record: Readonly<Record<string, string>>,
): { readonly document: unknown } | { readonly fault: string } {
  const document: Record<string, unknown> = {};
  const metadata: Record<string, string> = {};
  for (const [column, value] of Object.entries(record)) {
    if (value === "" && column !== "text") continue;
    if (column === "embedding") {
      const read = parsed(value);
      if ("fault" in read) return { fault: `embedding: ${read.fault}` };
      document["embedding"] = read.document;
    } else if (known.has(column)) document[column] = value;
    else metadata[column] = value;
  }
  return { document: Object.keys(metadata).length === 0 ? document : { ...document, metadata } };
}

async function* markdown(path: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Read> {
  const text = await textOf(chunks);
  const title = titleOf(text);
  yield {
    place: path,
    document: { id: path, text, metadata: { source: path, ...(title === undefined ? {} : { title }) } },
  };
}

async function* plainText(path: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Read> {
  yield { place: path, document: { id: path, text: await textOf(chunks), metadata: { source: path } } };
}
