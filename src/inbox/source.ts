import { type Format, type Read, type ReadOptions, unzipped } from "../formats/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import type { Cursor } from "./record.ts";

/** Another file has taken the place of the one that was being read, or it was taken away. */
export class Replaced extends Error {}

interface Source {
  readonly store: ObjectStore;
  readonly info: ObjectInfo;
  /** Fetched at once: what reading holds of a file in memory, once or twice. */
  readonly readBytes: number;
}

/**
 * What stands in a file behind `cursor`. NDJSON that is not zipped is read from there on; gzip is inflated from its
 * beginning and the text before the cursor dropped, since inflating has no place to begin at but the first; other formats
 * are parsed again (docs/decisions/0013-inbox.md has the costs). Throws `Replaced`.
 */
export async function* readFrom(
  source: Source,
  cursor: Cursor,
  format: Format,
  options: ReadOptions,
): AsyncGenerator<Read> {
  const from = format.byLine ? cursor : { at: 0, bytes: 0 };
  const chunks = from.bytes === 0 ? unzipped(chunksOf(source, 0)) : textFrom(source, from.bytes);
  for await (const read of format.read(chunks, { ...options, linesBefore: from.at }))
    if (read.at > cursor.at) yield read.end === undefined ? read : { ...read, end: read.end + from.bytes };
}

async function* textFrom(source: Source, start: number): AsyncGenerator<Uint8Array> {
  const first = await rangeOf(source, 0, Math.min(2, source.info.sizeBytes));
  const isZipped = first[0] === 0x1f && first[1] === 0x8b;
  if (isZipped) yield* without(start, unzipped(chunksOf(source, 0)));
  else yield* chunksOf(source, start);
}

async function* without(bytes: number, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* chunksOf(source: Source, start: number): AsyncGenerator<Uint8Array> {
  const { info, readBytes } = source;
  for (let at = start; at < info.sizeBytes; ) {
    const bytes = await rangeOf(source, at, Math.min(at + readBytes, info.sizeBytes));
    yield bytes;
    at += bytes.length;
  }
}

async function rangeOf({ store, info }: Source, start: number, end: number): Promise<Uint8Array> {
  const got = await store.get(info.key, { range: { start, end } });
  const isSame = got.status === "found" && got.info.etag === info.etag && got.bytes.length > 0;
  if (!isSame) throw new Replaced();
  return got.bytes;
}
