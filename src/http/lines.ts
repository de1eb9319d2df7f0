/** A line of a stream of NDJSON: its text, or why it could not be read. */
export interface Line {
  /** From 0, over the whole stream, blank lines counted. */
  readonly index: number;
  /** Of its content, without the line end. */
  readonly bytes: number;
  readonly text?: string;
  readonly fault?: { readonly code: "line_too_large" | "invalid_utf8"; readonly detail: string };
}

const newline = 0x0a;

function decoded(index: number, pieces: readonly Uint8Array[], bytes: number): Line {
  const whole = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  try {
    return { index, bytes, text: new TextDecoder("utf-8", { fatal: true }).decode(whole) };
  } catch {
    return { index, bytes, fault: { code: "invalid_utf8", detail: "The line is not valid UTF-8." } };
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
  const add = (piece: Uint8Array): void => {
    bytes += piece.length;
    // Past the limit only the length is kept.
    if (bytes > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const finish = (): Line => {
    const detail = `The line is longer than ${maxBytes} bytes (MAX_BODY_BYTES).`;
    const line: Line =
      bytes > maxBytes ? { index, bytes, fault: { code: "line_too_large", detail } } : decoded(index, pieces, bytes);
    index++;
    pieces = [];
    bytes = 0;
    return line;
  };
  const isBlank = (line: Line): boolean => line.text !== undefined && line.text.trim() === "";
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      add(chunk.subarray(from, end));
      from = end + 1;
      const line = finish();
      if (!isBlank(line)) yield line;
    }
    // A copy: the sender of the chunk may use its buffer again.
    if (from < chunk.length) add(chunk.slice(from));
  }
  if (bytes === 0) return;
  const last = finish();
  if (!isBlank(last)) yield last;
}
