import { pipeline, Readable } from "node:stream";
import type { CsvError } from "csv-parse";
import { isMosaicError } from "../base/index.ts";
import { textsOf } from "./content.ts";
import { parsed, type Read, type ReadOptions } from "./reading.ts";

interface Row {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number; readonly bytes: number };
}

const known = new Set(["id", "text", "created_at"]);

/** A header row; `id`, `text`, `created_at` and `embedding` (a JSON array) are themselves, other columns metadata. */
export async function* csv(
  chunks: AsyncIterable<Uint8Array>,
  { name, maxLineBytes }: ReadOptions,
): AsyncGenerator<Read> {
  // Most processes never read a table.
  const { parse } = await import("csv-parse");
  const bad: Read[] = [];
  const options = {
    columns: true,
    bom: true,
    info: true,
    skip_empty_lines: true,
    relax_column_count: false,
    max_record_size: maxLineBytes,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined): undefined => {
      bad.push(faultOf(error));
    },
  };
  // The callback only keeps a failure from being thrown twice: it reaches the reader of the rows.
  const rows = pipeline(Readable.from(textsOf(chunks)), parse(options), () => undefined);
  let bytesBefore = 0;
  let last = 1;
  try {
    for await (const { record, info } of rows as AsyncIterable<Row>) {
      // The parser is ahead of its reader: rows are told in their order all the same.
      while ((bad[0]?.at ?? Number.POSITIVE_INFINITY) < info.lines) yield bad.shift() as Read;
      last = info.lines;
      yield { at: last, place: `line ${last}`, bytes: info.bytes - bytesBefore, ...document(record) };
      bytesBefore = info.bytes;
    }
    yield* bad;
  } catch (error) {
    yield* bad;
    if (isMosaicError(error)) throw error;
    const detail = `The table cannot be read further: ${(error as Error).message}.`;
    yield {
      at: last + 1,
      place: `${name}, after line ${last}`,
      bytes: 0,
      fault: { code: "malformed_csv", detail },
      cut: true,
    };
  }
}

function faultOf(error: CsvError | undefined): Read {
  const at = Number(error?.["lines"] ?? 0);
  return {
    at,
    place: `line ${at}`,
    bytes: 0,
    fault: { code: "malformed_csv", detail: `The row cannot be read: ${error?.message ?? "it is no row"}.` },
  };
}

function document(record: Readonly<Record<string, string>>): Pick<Read, "document" | "fault"> {
  const fields: Record<string, unknown> = {};
  const metadata: Record<string, string> = {};
  for (const [column, value] of Object.entries(record)) {
    if (value === "" && column !== "text") continue;
    if (column === "embedding") {
      const read = parsed(value);
      if (read.fault !== undefined)
        return { fault: { code: "invalid_vector", detail: `embedding: ${read.fault.detail}` } };
      fields["embedding"] = read.document;
    } else if (known.has(column)) fields[column] = value;
    else metadata[column] = value;
  }
  return { document: Object.keys(metadata).length === 0 ? fields : { ...fields, metadata } };
}
