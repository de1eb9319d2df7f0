import type { Readable } from "node:stream";
import type { ByteRange } from "./object-store.ts";

/** A GET of an object. */
export interface S3Read {
  readonly key: string;
  readonly range?: ByteRange | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What S3 says of an object, by the names that its SDK gives the headers. */
export interface S3Described {
  readonly ETag?: string | undefined;
  readonly LastModified?: { getTime(): number } | undefined;
  readonly StorageClass?: string | undefined;
  /** The header `x-amz-restore`. */
  readonly Restore?: string | undefined;
  readonly ContentLength?: number | undefined;
}
export interface S3Found extends S3Described {
  readonly ContentRange?: string | undefined;
  readonly body: Readable;
}

/** One LIST request. Keys are without the store's prefix. */
export interface S3Listing {
  readonly prefix: string;
  readonly startAfter: string | undefined;
  /** Of the page before. */
  readonly token: string | undefined;
  /** At most 1000. */
  readonly maxKeys: number;
}
export interface S3Page {
  readonly Contents?: readonly S3Listed[] | undefined;
  readonly NextContinuationToken?: string | undefined;
}
export interface S3Listed extends Pick<S3Described, "ETag" | "LastModified" | "StorageClass"> {
  /** With the store's prefix. */
  readonly Key?: string | undefined;
  readonly Size?: number | undefined;
}

/**
 * The calls that read. Whatever is no success is thrown: with `name` and `$metadata.httpStatusCode`, as the SDK's errors
 * have them, when S3 answered.
 */
export interface S3Reads {
  get(read: S3Read): Promise<S3Found>;
  head(key: string): Promise<S3Described>;
  list(listing: S3Listing): Promise<S3Page>;
}
