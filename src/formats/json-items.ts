import type { Line } from "./lines.ts";

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const byteOrderMark = [0xef, 0xbb, 0xbf];
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const opens = (byte: number): boolean => byte === 0x5b || byte === 0x7b;
const closes = (byte: number): boolean => byte === 0x5d || byte === 0x7d;

/** A part of JSON text, as a line of NDJSON is one: not parsed yet. */
export type Item = Omit<Line, "end" | "fault"> & {
  readonly fault?: { readonly code: "line_too_large" | "invalid_utf8" | "malformed_json"; readonly detail: string };
  /** The array itself is at fault. */
  readonly cut?: true;
};

/**
 * The elements of a JSON array, or one item for JSON that is no array, holding at most `maxBytes` of one: a longer one is
 * skipped and reported. It cuts at commas outside of strings and brackets, and leaves it to the parser to refuse what
 * stands between them; an array that does not end, or text behind it, is an item with a fault of its own.
 */
export async function* splitJson(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Item> {
  const cut = new Cutter(maxBytes);
  for await (const chunk of chunks) {
    cut.take(chunk);
    yield* cut.finished.splice(0);
  }
  cut.end();
  yield* cut.finished;
}

type Where = "before" | "array" | "single" | "after";

class Cutter {
  readonly finished: Item[] = [];
  readonly #maxBytes: number;
  #where: Where = "before";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #blank = true;
  #index = 0;
  #marked = 0;
  #spilt = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  take(chunk: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#where === "before") from = this.#begin(byte, at);
      else if (this.#where === "after") {
        if (!isSpace(byte)) {
          this.#spill();
          return;
        }
        from = at + 1;
      } else if (this.#inString) this.#inText(byte);
      else if (this.#where === "array" && this.#depth === 0 && (byte === comma || byte === 0x5d)) {
        this.#keep(chunk.subarray(from, at));
        this.#finish(byte !== comma);
        from = at + 1;
      } else this.#structure(byte);
    }
    if (from < chunk.length) this.#keep(chunk.slice(from));
  }

  end(): void {
    if (this.#where === "single" || this.#where === "before") this.#finish(false);
    else if (this.#where === "array") {
      this.#drop();
      this.#fault("The array does not end: the file is cut off, or brackets do not match.");
    }
  }

  /** Where the content begins: past the `[`, or at this byte when it is no array. */
  #begin(byte: number, at: number): number {
    if (isSpace(byte) || byte === byteOrderMark[this.#marked]) {
      if (!isSpace(byte)) this.#marked++;
      return at + 1;
    }
    if (byte === 0x5b) {
      this.#where = "array";
      return at + 1;
    }
    this.#where = "single";
    this.#structure(byte);
    return at;
  }

  #structure(byte: number): void {
    if (!isSpace(byte)) this.#blank = false;
    if (byte === quote) this.#inString = true;
    else if (opens(byte)) this.#depth++;
    else if (closes(byte) && this.#depth > 0) this.#depth--;
  }

  #inText(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === backslash) this.#escaped = true;
    else if (byte === quote) this.#inString = false;
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length;
    // Past the limit only the length is kept.
    if (this.#bytes > this.#maxBytes) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  #finish(isLast: boolean): void {
    // `[]` holds nothing; `[1,]` ends in something that is missing.
    if (!(isLast && this.#blank && this.#index === 0)) this.finished.push(this.#item());
    if (isLast) this.#where = "after";
    this.#drop();
  }

  #item(): Item {
    const [index, bytes] = [this.#index++, this.#bytes];
    if (bytes > this.#maxBytes) {
      const detail = `The document is longer than ${this.#maxBytes} bytes (MAX_BODY_BYTES).`;
      return { index, bytes, fault: { code: "line_too_large", detail } };
    }
    try {
      return { index, bytes, text: new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(this.#pieces)) };
    } catch {
      return { index, bytes, fault: { code: "invalid_utf8", detail: "The document is not valid UTF-8." } };
    }
  }

  #drop(): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.#blank = true;
  }

  /** Something stands behind the array: said once. */
  #spill(): void {
    if (!this.#spilt) this.#fault("Something stands behind the end of the array.");
    this.#spilt = true;
  }

  #fault(detail: string): void {
    this.finished.push({ index: this.#index++, bytes: 0, fault: { code: "malformed_json", detail }, cut: true });
  }
}
