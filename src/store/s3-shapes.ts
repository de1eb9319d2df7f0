import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import type { RestoreSpeed } from "../base/index.ts";
import type { ByteRange, ObjectInfo, PutBody } from "./object-store.ts";
import type { S3Described, S3Found } from "./s3-reads.ts";

// Between our shapes and S3's.

export const isEmpty = (range: ByteRange | undefined): boolean =>
  range !== undefined && ("lastBytes" in range ? range.lastBytes === 0 : range.end <= range.start);

/** HTTP's ranges name their last byte (RFC 9110 §14.1.2); ours the one after it. */
export function rangeHeader(range: ByteRange | undefined): string | undefined {
  if (range === undefined) return undefined;
  return "lastBytes" in range ? `bytes=-${range.lastBytes}` : `bytes=${range.start}-${range.end - 1}`;
}

/** Of the whole object: `Content-Range: bytes 0-9/1234` where a part was asked for. */
export function totalBytes({ ContentRange, ContentLength }: S3Found): number {
  const total = ContentRange?.split("/")[1];
  return total === undefined ? (ContentLength ?? 0) : Number(total);
}

export async function contentOf(body: PutBody) {
  if (!(body instanceof Uint8Array))
    return { Body: createReadStream(body.path), ContentLength: (await stat(body.path)).size };
  // S3 refuses a body that does not match, so that a damaged upload is never acknowledged.
  return { Body: body, ContentLength: body.length, ContentMD5: createHash("md5").update(body).digest("base64") };
}

/** S3's names of how fast it restores. */
export const tiers: Readonly<Record<RestoreSpeed, "Expedited" | "Standard" | "Bulk">> = {
  expedited: "Expedited",
  standard: "Standard",
  bulk: "Bulk",
};

export const infoOf = (
  key: string,
  { ETag = "", LastModified, StorageClass: storageClass = "STANDARD", Restore }: S3Described,
  sizeBytes: number,
): ObjectInfo => ({
  key,
  etag: ETag,
  sizeBytes,
  modifiedMs: LastModified?.getTime() ?? 0,
  storageClass,
  ...(Restore === undefined ? {} : { restore: Restore.includes('ongoing-request="true"') ? "ongoing" : "ready" }),
});

/** The whole body. Node's HTTP client fails the stream when it ends before its length. */
export async function bytesOf({ ContentLength, body }: S3Found, signal?: AbortSignal): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  try {
    for await (const part of body) parts.push(part as Buffer);
  } catch (error) {
    // The handler ends the stream as if the connection had broken.
    if (signal?.aborted === true) throw Object.assign(new Error("the request was aborted"), { name: "AbortError" });
    throw error;
  }
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts, ContentLength);
}

/** Not by a write stream: on a disk that is full in the middle of a chunk one of those may never end. */
export const writeBody = (path: string, { body }: S3Found): Promise<void> =>
  // Nobody reads a body whose file could not be opened: it would keep its connection.
  writeFile(path, body).finally(() => body.destroy());

/** The disk refused, not S3: another attempt would fetch the bytes for nothing. */
export function isLocal(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === "open" || (syscall === "write" && (code === "ENOSPC" || code === "EDQUOT" || code === "EIO"));
}
