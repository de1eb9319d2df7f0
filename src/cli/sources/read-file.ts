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
    throw unreadable(typeof source === "string" ? source : "standard input", cause);
  }
}

async function* opened(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) yield chunk as Uint8Array;
  } catch (cause) {
    throw unreadable(path, cause);
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

const unreadable = (path: string, cause: unknown): MosaicError => {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EISDIR: "it is a folder",
    EACCES: "access is denied",
  };
  return new MosaicError("invalid", "read file", {
    code: "unreadable_file",
    detail: `Cannot read ${path}: ${reasons[code ?? ""] ?? message}.`,
    cause,
  });
};

/** The whole of a small file as text. Throws `invalid` when it is not UTF-8. */
export async function textOf(path: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw new MosaicError("invalid", "read file", {
      code: "invalid_utf8",
      detail: `${path} is not UTF-8 text.`,
      cause,
    });
  }
}
