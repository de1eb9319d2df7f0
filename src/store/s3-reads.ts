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

/**
 * The two calls that read objects. Whatever is no success is thrown: with `name` and `$metadata.httpStatusCode`, as the
 * SDK's errors have them, when S3 answered.
 */
export interface S3Reads {
  get(read: S3Read): Promise<S3Found>;
  head(key: string): Promise<S3Described>;
}
