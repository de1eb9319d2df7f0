import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
  type StorageClass,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { asMosaicError, MosaicError } from "../base/index.ts";
import type { BilledAs } from "./object-store.ts";
import type { Again } from "./retrying.ts";
import { nameOf, s3Failure, statusOf } from "./s3-failure.ts";

export interface CopySizes {
  /** Larger objects are copied in parts. S3 refuses more than 5 GiB in one request. */
  readonly wholeMaxBytes: number;
  /** At least; S3 wants 5 MiB to 5 GiB of each part but the last. */
  readonly partBytes: number;
}

/**
 * A tenth of what S3 would take whole: a request must be done before its socket counts as dead (20 s), and at the
 * 100 MB/s that one copy moves these take five. Of parts half as long little is lost when one fails.
 */
export const copySizes: CopySizes = { wholeMaxBytes: 512 * 1024 ** 2, partBytes: 256 * 1024 ** 2 };

/** S3's bound (user guide, "multipart upload limits"); parts of larger objects are longer instead. */
const maxParts = 10_000;
/** A few: 100 GB take about two minutes, and no prefix is near the rate at which S3 says to slow down. */
const parallelParts = 8;

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

export interface Copying {
  readonly client: S3Client;
  /** The source's key, as messages name it. */
  readonly from: string;
  readonly source: Place;
  readonly target: Place;
  readonly storageClass: string | undefined;
  readonly sizes: CopySizes;
  readonly again: Again;
  readonly onRequest: (kind: BilledAs) => void;
}

/**
 * Copies on S3's side, whatever the size: 1 HEAD and 1 COPY; of a large object 1 HEAD, 2 PUT and 1 a part. Content type,
 * metadata and tags go along, the storage class is the one that is asked for (S3 takes STANDARD for none).
 */
export async function copyObject(copying: Copying): Promise<{ readonly etag: string }> {
  try {
    const head = await headOf(copying);
    const isLarge = (head?.ContentLength ?? 0) > copying.sizes.wholeMaxBytes;
    return head !== undefined && isLarge ? await copyInParts(copying, head) : await copyWhole(copying);
  } catch (error) {
    throw failureOf(copying, error);
  }
}

const failureOf = ({ from }: Copying, error: unknown): Error => s3Failure("copy object", from, error);

/** Undefined also without a bucket: a HEAD can't tell, the copy that follows will. */
async function headOf({ client, source, onRequest }: Copying): Promise<HeadObjectCommandOutput | undefined> {
  onRequest("get");
  try {
    return await client.send(new HeadObjectCommand(source));
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function copyWhole(copying: Copying): Promise<{ readonly etag: string }> {
  const { client, source, target, storageClass, onRequest } = copying;
  onRequest("put");
  const output = await client.send(
    new CopyObjectCommand({
      ...target,
      CopySource: copySource(source),
      StorageClass: storageClass as StorageClass | undefined,
    }),
  );
  return { etag: output.CopyObjectResult?.ETag ?? "" };
}

const copySource = ({ Bucket, Key }: Place): string => `${Bucket}/${Key}`.split("/").map(encodeURIComponent).join("/");

/** The target appears when the last request succeeds, and is untouched when any fails. */
async function copyInParts(copying: Copying, head: HeadObjectCommandOutput): Promise<{ readonly etag: string }> {
  const upload = { ...copying.target, UploadId: await begin(copying, head) };
  try {
    const Parts = await copyParts(copying, upload, head);
    return await finish(copying, { ...upload, MultipartUpload: { Parts } });
  } catch (error) {
    const failure = failureOf(copying, error);
    await abort(copying, upload, failure);
    throw failure;
  }
}

type Upload = Place & { readonly UploadId: string };

/** A request that may be sent again, and is billed each time; fails with our errors. */
const request = <T>(
  copying: Copying,
  kind: BilledAs | "free",
  send: () => Promise<T>,
  options?: { readonly conditional: boolean },
): Promise<T> =>
  copying.again(async () => {
    if (kind !== "free") copying.onRequest(kind);
    try {
      return await send();
    } catch (error) {
      throw failureOf(copying, error);
    }
  }, options);

/** What CopyObject takes over of itself has to be said here. */
async function begin(copying: Copying, head: HeadObjectCommandOutput): Promise<string> {
  const { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata } = head;
  const command = new CreateMultipartUploadCommand({
    ...copying.target,
    ...{ ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata },
    StorageClass: copying.storageClass as StorageClass | undefined,
    Tagging: await taggingOf(copying, head),
  });
  const { UploadId } = await request(copying, "put", () => copying.client.send(command), { conditional: true });
  if (UploadId !== undefined) return UploadId;
  const detail = "The storage began an upload without a name; try again.";
  throw new MosaicError("unavailable", "copy object", { code: "storage_unreachable", detail, key: copying.from });
}

/** S3 tells the number only to those who may read the tags; the others copy none. */
async function taggingOf(copying: Copying, { TagCount = 0 }: HeadObjectCommandOutput): Promise<string | undefined> {
  if (TagCount === 0) return undefined;
  const command = new GetObjectTaggingCommand(copying.source);
  const { TagSet = [] } = await request(copying, "get", () => copying.client.send(command));
  return TagSet.map(({ Key = "", Value = "" }) => `${encodeURIComponent(Key)}=${encodeURIComponent(Value)}`).join("&");
}

/**
 * All parts in order, some at a time. After a failure no other begins, and those under way are waited for: one that
 * arrives after the upload was aborted would lie there, unseen and billed.
 */
async function copyParts(copying: Copying, upload: Upload, head: HeadObjectCommandOutput): Promise<CompletedPart[]> {
  const ranges = rangesOf(head.ContentLength ?? 0, copying.sizes.partBytes);
  const parts: CompletedPart[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < ranges.length && failures.length === 0) {
      const at = next++;
      const part = { ...upload, PartNumber: at + 1, CopySourceRange: ranges[at], CopySourceIfMatch: head.ETag };
      parts[at] = await copyPart(copying, part);
    }
  };
  await Promise.all(Array.from({ length: parallelParts }, () => work().catch((error) => failures.push(error))));
  if (failures.length > 0) throw failures[0];
  return parts;
}

/** As HTTP has ranges: with their last byte. */
function rangesOf(totalBytes: number, partBytes: number): readonly string[] {
  const length = Math.max(partBytes, Math.ceil(totalBytes / maxParts));
  return Array.from({ length: Math.ceil(totalBytes / length) }, (_, part) => {
    const start = part * length;
    return `bytes=${start}-${Math.min(start + length, totalBytes) - 1}`;
  });
}

type Part = Upload & Pick<UploadPartCopyCommand["input"], "PartNumber" | "CopySourceRange" | "CopySourceIfMatch">;

/** Only of the object that was looked at: parts of two would make a third that nobody wrote. */
async function copyPart(copying: Copying, part: Part): Promise<CompletedPart> {
  const command = new UploadPartCopyCommand({ ...part, CopySource: copySource(copying.source) });
  const { CopyPartResult } = await request(copying, "put", () => copying.client.send(command));
  return { PartNumber: part.PartNumber, ETag: CopyPartResult?.ETag };
}

/** Sent again only when it was refused: once it has succeeded S3 no longer knows the upload. */
async function finish(copying: Copying, input: CompleteMultipartUploadCommand["input"]): Promise<{ etag: string }> {
  const command = new CompleteMultipartUploadCommand(input);
  const { ETag = "" } = await request(copying, "put", () => copying.client.send(command), { conditional: true });
  return { etag: ETag };
}

/** Throws, with both reasons, when parts stay behind; their upload being gone is what was wanted. */
async function abort(copying: Copying, upload: Upload, failure: Error): Promise<void> {
  const send = (): Promise<unknown> =>
    copying.client.send(new AbortMultipartUploadCommand(upload)).catch((error: unknown) => {
      if (nameOf(error) !== "NoSuchUpload") throw error;
    });
  try {
    await request(copying, "free", send);
  } catch (error) {
    const { kind, operation, code, detail, retryAfterMs } = asMosaicError(failure, "copy object");
    throw new MosaicError(kind, operation, {
      code,
      detail,
      hint: "its parts stay, and are billed, until a lifecycle rule of the bucket ends unfinished uploads",
      key: copying.from,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      cause: new AggregateError([failure, error], "the copy failed, and so did ending it"),
    });
  }
}
