import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MosaicError } from "../../base/index.ts";

/** A file's bytes, unzipped where it is gzip by its first bytes, whatever its name; `onRead` counts those of the file. */
export async function* contentOf(
  source: string | AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const raw = typeof source === "string" ? opened(source) : source;
  const counted = counting(raw, onRead);
  const first = await counted.next();
  if (first.done === true) return;
  const whole = joined(first.value, counted);
  if (!(first.value[0] === 0x1f && first.value[1] === 0x8b)) {
    yield* whole;
    return;
  }
  // The callback only keeps a failure from being thrown twice: it reaches the reader of the stream.
  const unzipped = pipeline(Readable.from(whole), createGunzip(), () => undefined);
  try {
    for await (const chunk of unzipped) yield chunk as Uint8Array;
  } catch (cause) {
    throw unreadable(cause);
  }
}

async function* opened(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) yield chunk as Uint8Array;
  } catch (cause) {
    throw unreadable(cause);
  }
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onRead(chunk.length);
    yield chunk;
  }
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

const unreadable = (cause: unknown): MosaicError => {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "There is no such file.",
    EISDIR: "It is a folder.",
    EACCES: "Access is denied.",
  };
  const detail = reasons[code ?? ""] ?? `It cannot be read to its end: ${message}.`;
  return new MosaicError("invalid", "read file", { code: "unreadable_file", detail, cause });
};

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

/** The whole of a small file as text. Throws as `textsOf`. */
export async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return (await Array.fromAsync(textsOf(chunks))).join("");
}
