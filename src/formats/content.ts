import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MosaicError } from "../base/index.ts";

/** Inflated at once: fewer, larger pieces cost less than many small ones. */
const inflateBytes = 1 << 18;

/**
 * A file's bytes, unzipped where they are gzip by their first bytes, whatever the file's name. Throws `invalid` (code
 * `unreadable_file`) where the gzip ends early or is damaged, after everything before that was given out.
 */
export async function* unzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = nonEmpty(source);
  const first = await chunks.next();
  if (first.done === true) return;
  const whole = joined(first.value, chunks);
  if (!(first.value[0] === 0x1f && first.value[1] === 0x8b)) {
    yield* whole;
    return;
  }
  // The source's own failures are the source's to name.
  let failure: unknown;
  const guarded = guard(whole, (error) => {
    failure = error;
  });
  // The callback only keeps a failure from being thrown twice: it reaches the reader of the stream.
  const inflated = pipeline(Readable.from(guarded), createGunzip({ chunkSize: inflateBytes }), () => undefined);
  try {
    for await (const chunk of inflated) yield chunk as Uint8Array;
  } catch (cause) {
    if (failure !== undefined) throw failure;
    throw unreadable(cause);
  }
}

async function* guard(
  chunks: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** The same bytes, of which the first chunk has two if there are so many: they tell gzip. */
async function* nonEmpty(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of chunks) {
    const whole: Uint8Array = held === undefined || held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (held !== undefined && whole.length < 2) {
      held = whole.slice();
      continue;
    }
    held = undefined;
    yield whole;
  }
  if (held !== undefined && held.length > 0) yield held;
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

export async function* countedChunks(
  chunks: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onRead(chunk.length);
    yield chunk;
  }
}

const unreadable = (cause: unknown): MosaicError =>
  new MosaicError("invalid", "read file", {
    code: "unreadable_file",
    detail: `It cannot be read to its end: ${(cause as Error).message}.`,
    cause,
  });

/** The text of a stream of UTF-8, piece by piece. Throws `invalid` when it is not UTF-8. */
export async function* textsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decoded = (chunk?: Uint8Array): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw new MosaicError("invalid", "read file", { code: "invalid_utf8", detail: "It is not UTF-8 text.", cause });
    }
  };
  for await (const chunk of chunks) yield decoded(chunk);
  yield decoded();
}

/** The whole of a small file as text. Throws as `textsOf`, and `too_large` past `maxBytes`. */
export async function textOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const texts: string[] = [];
  let bytes = 0;
  const counted = countedChunks(chunks, (more) => {
    bytes += more;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
  });
  for await (const text of textsOf(counted)) texts.push(text);
  return texts.join("");
}

const tooLarge = (maxBytes: number): MosaicError =>
  new MosaicError("too_large", "read file", {
    code: "text_too_large",
    detail: `The text has more than ${maxBytes} bytes (MAX_TEXT_BYTES). Split the document.`,
  });
