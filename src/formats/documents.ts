import { isMosaicError, MosaicError } from "../base/index.ts";
import { textOf } from "./content.ts";
import { csv } from "./csv.ts";
import { splitJson } from "./json-items.ts";
import { splitLines } from "./lines.ts";
import { titleOf } from "./markdown.ts";
import { parsed, type Read, type ReadOptions } from "./reading.ts";

export type { Read, ReadOptions } from "./reading.ts";

export interface Format {
  /** Reading may begin at the start of any line. */
  readonly byLine: boolean;
  /**
   * The documents of unzipped chunks. Where they cannot be read, or no further, the last thing given is that fault. What the chunks throw (other than `invalid`) is thrown on.
   */
  read(chunks: AsyncIterable<Uint8Array>, options: ReadOptions): AsyncGenerator<Read>;
}

type Reader = (chunks: AsyncIterable<Uint8Array>, options: ReadOptions) => AsyncGenerator<Read>;

function format(reader: Reader, byLine = false): Format {
  return {
    byLine,
    async *read(chunks, options) {
      let at = 0;
      try {
        for await (const one of reader(chunks, options)) {
          at = one.at;
          yield one;
        }
      } catch (error) {
        if (!isMosaicError(error, "invalid", "too_large")) throw error;
        const { code, detail } = error;
        yield { at: at + 1, place: options.name, bytes: 0, fault: { code, detail }, cut: true };
      }
    },
  };
}

const ndjson = format(async function* lines(chunks, { maxLineBytes, linesBefore = 0 }) {
  for await (const { index, text, fault, bytes, end } of splitLines(chunks, maxLineBytes)) {
    const at = linesBefore + index + 1;
    const where = { at, place: `line ${at}`, bytes, end };
    yield fault === undefined ? { ...where, ...parsed(text ?? "") } : { ...where, fault };
  }
}, true);

const json = format(async function* elements(chunks, { maxLineBytes }) {
  for await (const { index, text, fault, bytes, cut } of splitJson(chunks, maxLineBytes)) {
    const where = { at: index + 1, place: `document ${index + 1}`, bytes, ...(cut === undefined ? {} : { cut }) };
    yield fault === undefined ? { ...where, ...parsed(text ?? "") } : { ...where, fault };
  }
});

const markdown = format(async function* page(chunks, { name, maxTextBytes }) {
  const text = await textOf(chunks, maxTextBytes);
  const title = titleOf(text);
  const metadata = { source: name, ...(title === undefined ? {} : { title }) };
  yield { at: 1, place: name, bytes: text.length, document: { id: name, text, metadata } };
});

const plainText = format(async function* page(chunks, { name, maxTextBytes }) {
  const text = await textOf(chunks, maxTextBytes);
  yield { at: 1, place: name, bytes: text.length, document: { id: name, text, metadata: { source: name } } };
});

/** By ending of the name, before a `.gz`. */
export const formats: Readonly<Record<string, Format>> = {
  ndjson,
  jsonl: ndjson,
  json,
  csv: format(csv),
  md: markdown,
  txt: plainText,
};

/** Throws `invalid` (code `unknown_format`) for an ending that says nothing. */
export function formatOf(name: string): Format {
  const [, ending = ""] = /\.([a-z]+)(?:\.gz)?$/i.exec(name) ?? [];
  const found = formats[ending.toLowerCase()];
  if (found !== undefined) return found;
  const endings = Object.keys(formats).map((known) => `.${known}`);
  throw new MosaicError("invalid", "read file", {
    code: "unknown_format",
    detail: `${name}: the name should end in ${endings.join(", ")} (and .gz).`,
  });
}
