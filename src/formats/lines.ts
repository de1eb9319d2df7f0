/** A line of a stream of NDJSON: its text, or why it could not be read. */
export interface Line {
  /** From 0, over the whole stream, blank lines counted. */
  readonly index: number;
  /** Of its content, without the line end. */
  readonly bytes: number;
  /** Bytes of the stream up to and with the line's end. */
  readonly end: number;
  readonly text?: string;
  readonly fault?: { readonly code: "line_too_large" | "invalid_utf8"; readonly detail: string };
}

const newline = 0x0a;

function decoded(where: Pick<Line, "index" | "bytes" | "end">, pieces: readonly Uint8Array[]): Line {
  const whole = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  try {
    return { ...where, text: new TextDecoder("utf-8", { fatal: true }).decode(whole) };
  } catch {
    return { ...where, fault: { code: "invalid_utf8", detail: "The line is not valid UTF-8." } };
  }
}

/**
 * Splits `chunks` at newlines (a carriage return before one is white space to JSON) and holds at most `maxBytes` of a
 * line: a longer one is skipped to its end and reported as a fault. Blank lines are left out but counted.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let index = 0;
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let end = 0;
  const add = (piece: Uint8Array): void => {
    bytes += piece.length;
    // Past the limit only the length is kept.
    if (bytes > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const finish = (): Line => {
    const detail = `The line is longer than ${maxBytes} bytes (MAX_BODY_BYTES).`;
    const where = { index, bytes, end };
    const line: Line =
      bytes > maxBytes ? { ...where, fault: { code: "line_too_large", detail } } : decoded(where, pieces);
    index++;
    pieces = [];
    bytes = 0;
    return line;
  };
  const isBlank = (line: Line): boolean => line.text !== undefined && line.text.trim() === "";
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(newline); to !== -1; to = chunk.indexOf(newline, from)) {
      add(chunk.subarray(from, to));
      end += to + 1 - from;
      from = to + 1;
      const line = finish();
      if (!isBlank(line)) yield line;
    }
    // A copy: the sender of the chunk may use its buffer again.
    if (from < chunk.length) {
      add(chunk.slice(from));
      end += chunk.length - from;
    }
  }
  if (bytes === 0) return;
  const last = finish();
  if (!isBlank(last)) yield last;
}
