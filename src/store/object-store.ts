import type { RestoreSpeed } from "../base/index.ts";

/**
 * What Mosaic asks of storage. Keys are `/`-separated, relative, without empty, `.` or `..` parts.
 *
 * Promises that every implementation keeps, and that Amazon S3 documents: a read after a successful write sees it;
 * a put is atomic (never a part of the body); of racing conditional puts on one key at most one succeeds.
 * An ETag is opaque: equal ETags of one key mean equal bytes, nothing more (it need not be a hash).
 */
export interface ObjectStore {
  /** For messages: `folder ./data`, `s3://bucket/prefix`. Holds no secret. */
  readonly description: string;

  /**
   * The object's bytes, or of it `range` (clipped at the object's end; a start at or after the end gives no bytes).
   * `absent` when there is no such key, `not_modified` when `ifNoneMatch` names the current ETag.
   */
  get(key: string, options?: GetOptions): Promise<GetResult>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /**
   * Durable when it returns. Throws `conflict` when the condition does not hold (code `precondition_failed`), and
   * `unavailable` when the outcome is unknown or refused for now; after that a conditional put may or may not have
   * taken effect, and the caller must look.
   */
  put(key: string, body: PutBody, options?: PutOptions): Promise<{ readonly etag: string }>;
  /** Keys that start with `prefix`, in ascending order of their UTF-8 bytes, strictly after `startAfter`. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /**
   * Done also when there was no such key. With `ifMatch` only the object of that ETag: another is left, and told as
   * `conflict`. (An S3-compatible server that ignores the condition deletes whatever is there.)
   */
  delete(key: string, options?: DeleteOptions): Promise<void>;
  /**
   * Server-side copy of an object of any size, also onto itself to change the storage class. Throws `not_found` when
   * `from` is absent, `unavailable` (code `restore_required`) when it has to be restored first, and `conflict` when
   * `from` is so large that it is copied in parts and was replaced meanwhile; `to` is then what it was.
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<{ readonly etag: string }>;
  /**
   * Asks for a copy of an object that can't be read otherwise, to be there for some days; `head` tells when it is. Done
   * also when that was asked for before, is there, or isn't needed. Throws `not_found` when there is no such object.
   */
  restore(key: string, options: RestoreOptions): Promise<void>;
  /** Whether objects of a storage class must be restored before they can be read or copied. */
  mustBeRestored(storageClass: string): boolean;
  /**
   * Writes the whole object to the local file `path` (overwriting); undefined when there is no such key. What the local
   * file system refuses is thrown as it comes, and not tried again.
   */
  download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** A local file that holds exactly this object for as long as the object exists, when the store has one. */
  localPath(key: string): string | undefined;
  /** Releases sockets and files. */
  close(): Promise<void>;
}

export interface DeleteOptions {
  readonly ifMatch?: string;
}

export interface ObjectInfo {
  readonly key: string;
  readonly etag: string;
  /** Of the whole object. */
  readonly sizeBytes: number;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly modifiedMs: number;
  /** As S3 names them; `STANDARD` where the store has no classes. */
  readonly storageClass: string;
  /** Of an object that must be restored to be read: `ongoing` once that was asked for, `ready` while it can be read. */
  readonly restore?: "ongoing" | "ready";
}

/** As requests are billed: PUT, COPY and POST alike, and GET, HEAD and all others. DELETE and the end of an upload are free. */
export type BilledAs = "get" | "put";

export interface Billed {
  /** Told of each request that the call takes, each time that it is sent. A store without requests tells of one put. */
  readonly onRequest?: ((kind: BilledAs) => void) | undefined;
}

export interface CopyOptions extends Billed {
  readonly storageClass?: string | undefined;
}

export interface RestoreOptions extends Billed {
  /** How long the copy stays. */
  readonly days: number;
  readonly speed: RestoreSpeed;
}

/** As S3 has it. */
export const mustBeRestored = (storageClass: string): boolean =>
  storageClass === "GLACIER" || storageClass === "DEEP_ARCHIVE";

/** `start` inclusive, `end` exclusive; `{ lastBytes }` the end of the object. */
export type ByteRange = { readonly start: number; readonly end: number } | { readonly lastBytes: number };
export interface GetOptions {
  readonly range?: ByteRange;
  readonly ifNoneMatch?: string;
  readonly signal?: AbortSignal;
}
export type GetResult =
  | { readonly status: "found"; readonly bytes: Uint8Array; readonly info: ObjectInfo }
  | { readonly status: "absent" }
  | { readonly status: "not_modified" };

/** Bytes in memory, or a local file that is streamed. */
export type PutBody = Uint8Array | { readonly path: string };
export interface PutOptions {
  /** Only when no object has this key. */
  readonly ifNoneMatch?: "*";
  /** Only when the object's current ETag is this one (absent object: `conflict`). */
  readonly ifMatch?: string;
  readonly contentType?: string;
  readonly storageClass?: string;
}
export interface ListOptions {
  readonly startAfter?: string;
  readonly limit?: number;
}
