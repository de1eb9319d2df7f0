import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import type { RestoreSpeed } from "../base/index.ts";
import type { ByteRange, ObjectInfo, PutBody } from "./object-store.ts";

// Between our shapes and the SDK's.

export const isEmpty = (range: ByteRange | undefined): boolean =>
  range !== undefined && ("lastBytes" in range ? range.lastBytes === 0 : range.end <= range.start);

/** HTTP's ranges name their last byte (RFC 9110 §14.1.2); ours the one after it. */
export function rangeHeader(range: ByteRange | undefined): string | undefined {
  if (range === undefined) return undefined;
  return "lastBytes" in range ? `bytes=-${range.lastBytes}` : `bytes=${range.start}-${range.end - 1}`;
}

/** Of the whole object: `Content-Range: bytes 0-9/1234` where a part was asked for. */
export function totalBytes({ ContentRange, ContentLength }: GetObjectCommandOutput): number {
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

interface Described {
  readonly ETag?: string | undefined;
  readonly LastModified?: { getTime(): number } | undefined;
  readonly StorageClass?: string | undefined;
  /** The header `x-amz-restore`. */
  readonly Restore?: string | undefined;
}

export const infoOf = (
  key: string,
  { ETag = "", LastModified, StorageClass: storageClass = "STANDARD", Restore }: Described,
  sizeBytes: number,
): ObjectInfo => ({
  key,
  etag: ETag,
  sizeBytes,
  modifiedMs: LastModified?.getTime() ?? 0,
  storageClass,
  ...(Restore === undefined ? {} : { restore: Restore.includes('ongoing-request="true"') ? "ongoing" : "ready" }),
});
