import { writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  RestoreObjectCommand,
  S3Client,
  type StorageClass,
} from "@aws-sdk/client-s3";
import { silentLogger } from "../base/index.ts";
import { checkKey, objectNotFound } from "./keys.ts";
import {
  type DeleteOptions,
  type GetOptions,
  type GetResult,
  type ListOptions,
  mustBeRestored,
  type ObjectInfo,
  type ObjectStore,
  type PutBody,
  type PutOptions,
  type RestoreOptions,
} from "./object-store.ts";
import { type Again, once } from "./retrying.ts";
import { type CopySizes, copyObject, copySizes } from "./s3-copy.ts";
import { nameOf, s3Failure, statusOf } from "./s3-failure.ts";
import { contentOf, infoOf, isEmpty, rangeHeader, tiers, totalBytes } from "./s3-shapes.ts";

export interface S3StoreOptions {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** An S3-compatible server; then path-style addressing. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** From which size on an object is copied in parts, and how large those are. */
  readonly copying?: CopySizes;
  /** For the single requests of a copy in parts, of which a failed one would cost all others. One attempt by default. */
  readonly again?: Again;
}

/** Of a request that hears nothing more: longer than the slowest first byte S3 documents for a busy prefix. */
const idleSocketMs = 20_000;
const connectMs = 3_000;

/**
 * Objects in Amazon S3 or a compatible server. Relies on what S3 documents: strong read-after-write, conditional PUT
 * (`If-None-Match: *` and `If-Match`) and opaque ETags. It makes one attempt; `Retrying` decides about another.
 */
export class S3Store implements ObjectStore {
  readonly description: string;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #client: S3Client;
  readonly #copying: CopySizes;
  readonly #again: Again;

  constructor({ bucket, prefix, endpoint, region, copying = copySizes, again = once }: S3StoreOptions) {
    this.#copying = copying;
    this.#again = again;
    this.description = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
    this.#bucket = bucket;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.#client = new S3Client({
      maxAttempts: 1,
      // It would write to the console, plain text among our log lines; what it says comes as an error too.
      logger: silentLogger,
      followRegionRedirects: true,
      // Streamed bodies keep a plain Content-Length this way, which every compatible server understands.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: {
        connectionTimeout: connectMs,
        socketTimeout: idleSocketMs,
        httpsAgent: { maxSockets: 256 },
        httpAgent: { maxSockets: 256 },
      },
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true, region: region ?? "us-east-1" }),
      ...(region === undefined ? {} : { region }),
    });
  }

  async get(key: string, { range, ifNoneMatch, signal }: GetOptions = {}): Promise<GetResult> {
    if (isEmpty(range)) return await this.#nothingOf(key, ifNoneMatch);
    try {
      const output = await this.#client.send(
        new GetObjectCommand({ ...this.#at(key), Range: rangeHeader(range), IfNoneMatch: ifNoneMatch }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      const bytes = (await output.Body?.transformToByteArray()) ?? new Uint8Array();
      return { status: "found", bytes, info: infoOf(key, output, totalBytes(output)) };
    } catch (error) {
      const status = statusOf(error);
      if (status === 304) return { status: "not_modified" };
      if (status === 416) return await this.#nothingOf(key, ifNoneMatch);
      return absentOr(s3Failure("read object", key, error));
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    try {
      const output = await this.#client.send(new HeadObjectCommand(this.#at(key)));
      return infoOf(key, output, output.ContentLength ?? 0);
    } catch (error) {
      // A HEAD has no body to name the error, so that a missing bucket looks like a missing object here.
      if (statusOf(error) === 404) return undefined;
      throw s3Failure("look up object", key, error);
    }
  }

  async put(
    key: string,
    body: PutBody,
    { ifMatch, ifNoneMatch, contentType, storageClass }: PutOptions = {},
  ): Promise<{ readonly etag: string }> {
    const conditional = ifMatch !== undefined || ifNoneMatch !== undefined;
    try {
      const output = await this.#client.send(
        new PutObjectCommand({
          ...this.#at(key),
          ...(await contentOf(body)),
          IfMatch: ifMatch,
          IfNoneMatch: ifNoneMatch,
          ContentType: contentType,
          StorageClass: storageClass as StorageClass | undefined,
        }),
      );
      return { etag: output.ETag ?? "" };
    } catch (error) {
      // A compare-and-swap on an object that is gone: S3 says 404.
      if (ifMatch !== undefined && statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket")
        throw s3Failure("put object", key, { name: "PreconditionFailed", $metadata: { httpStatusCode: 412 } });
      throw s3Failure("put object", key, error, conditional);
    }
  }

  async *list(
    prefix: string,
    { startAfter, limit = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncIterable<ObjectInfo> {
    let left = limit;
    let token: string | undefined;
    while (left > 0) {
      const page = await this.#page(prefix, startAfter, token, Math.min(left, 1000));
      for (const {
        Key = "",
        ETag = "",
        Size = 0,
        LastModified,
        StorageClass: storageClass = "STANDARD",
      } of page.Contents ?? []) {
        yield {
          key: Key.slice(this.#prefix.length),
          etag: ETag,
          sizeBytes: Size,
          modifiedMs: LastModified?.getTime() ?? 0,
          storageClass,
        };
        left--;
      }
      token = page.NextContinuationToken;
      if (token === undefined) return;
    }
  }

  async delete(key: string, { ifMatch }: DeleteOptions = {}): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand({ ...this.#at(key), IfMatch: ifMatch }));
    } catch (error) {
      // With a condition S3 says when there is no such key.
      if (ifMatch !== undefined && statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket") return;
      throw s3Failure("delete object", key, error);
    }
  }

  async copy(
    from: string,
    to: string,
    { storageClass }: { readonly storageClass?: string } = {},
  ): Promise<{ readonly etag: string }> {
    const ends = { from, source: this.#at(from), target: this.#at(to), storageClass };
    return await copyObject({ ...ends, client: this.#client, sizes: this.#copying, again: this.#again });
  }

  async restore(key: string, { days, speed }: RestoreOptions): Promise<void> {
    const info = await this.head(key);
    if (info === undefined) throw objectNotFound("restore object", key);
    if (!mustBeRestored(info.storageClass) || info.restore !== undefined) return;
    const RestoreRequest = { Days: days, GlacierJobParameters: { Tier: tiers[speed] } };
    try {
      await this.#client.send(new RestoreObjectCommand({ ...this.#at(key), RestoreRequest }));
    } catch (error) {
      // Somebody asked between our two calls.
      if (nameOf(error) === "RestoreAlreadyInProgress") return;
      throw s3Failure("restore object", key, error);
    }
  }

  mustBeRestored(storageClass: string): boolean {
    return mustBeRestored(storageClass);
  }

  async download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    try {
      const output = await this.#client.send(
        new GetObjectCommand(this.#at(key)),
        signal === undefined ? {} : { abortSignal: signal },
      );
      // Not a write stream: on a disk that is full in the middle of a chunk one of those may never end.
      await writeFile(path, output.Body as Readable);
      return infoOf(key, output, totalBytes(output));
    } catch (error) {
      if (isLocal(error)) throw error;
      const failure = s3Failure("download object", key, error);
      absentOr(failure);
      return undefined;
    }
  }

  localPath(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + checkKey(key) };
  }

  async #nothingOf(key: string, ifNoneMatch: string | undefined): Promise<GetResult> {
    const info = await this.head(key);
    if (info === undefined) return { status: "absent" };
    return info.etag === ifNoneMatch ? { status: "not_modified" } : { status: "found", bytes: new Uint8Array(), info };
  }

  async #page(prefix: string, startAfter: string | undefined, token: string | undefined, maxKeys: number) {
    try {
      return await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: this.#prefix + prefix,
          MaxKeys: maxKeys,
          ContinuationToken: token,
          StartAfter: startAfter === undefined || startAfter === "" ? undefined : this.#prefix + startAfter,
        }),
      );
    } catch (error) {
      throw s3Failure("list objects", prefix, error);
    }
  }
}

/** The disk refused, not S3: another attempt would fetch the bytes for nothing. */
function isLocal(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === "open" || (syscall === "write" && (code === "ENOSPC" || code === "EDQUOT" || code === "EIO"));
}

function absentOr(failure: Error): { readonly status: "absent" } {
  if ((failure as { kind?: unknown }).kind === "not_found") return { status: "absent" };
  throw failure;
}
