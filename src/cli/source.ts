import { createReadStream } from "node:fs";
import { MosaicError } from "../base/index.ts";
import { countedChunks, formatOf, formats, type Read, type ReadOptions, unzipped } from "../formats/index.ts";

/** Standard input. */
export const standardInput = "-";

/** The documents of a file, or of NDJSON from standard input. Where it cannot be read, the last thing read is that fault. */
export function documentsOf(
  path: string,
  stdin: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
  limits: Omit<ReadOptions, "name">,
): AsyncGenerator<Read> {
  const format = path === standardInput ? formats["ndjson"] : formatOf(path);
  const chunks = countedChunks(path === standardInput ? stdin : opened(path), onRead);
  return (format ?? formatOf(path)).read(unzipped(chunks), { name: path, ...limits });
}

async function* opened(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) yield chunk as Uint8Array;
  } catch (cause) {
    throw unreadable(cause);
  }
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
