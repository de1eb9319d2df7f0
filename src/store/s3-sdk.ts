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
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { silentLogger } from "../base/index.ts";
import { checkKey } from "./keys.ts";
import type { CopyOptions, DeleteOptions, PutBody, PutOptions, RestoreOptions } from "./object-store.ts";
import { type Again, once } from "./retrying.ts";
import { type CopySizes, copyObject, copySizes } from "./s3-copy.ts";
import { nameOf, s3Failure, statusOf } from "./s3-failure.ts";
import type { S3Place } from "./s3-place.ts";
import type { S3Described, S3Found, S3Listing, S3Page, S3Read, S3Reads } from "./s3-reads.ts";
import { contentOf, rangeHeader, tiers } from "./s3-shapes.ts";

export interface S3SdkOptions {
  /** From which size on an object is copied in parts, and how large those are. */
  readonly copying?: CopySizes | undefined;
  /** For the single requests of a copy in parts, of which a failed one would cost all others. One attempt by default. */
  readonly again?: Again | undefined;
  /** Sends the requests; whoever gave it ends its sockets. */
  readonly requestHandler: NodeHttpHandler;
}

/**
 * S3 by Amazon's own client: all that changes objects, and what reads them too where an account's configuration says
 * more than a bucket and a region. It makes one attempt; `Retrying` decides about another.
 */
export class S3Sdk implements S3Reads {
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #client: S3Client;
  readonly #copying: CopySizes;
  readonly #again: Again;

  constructor(
    { bucket, prefix, endpoint, region }: S3Place,
    { requestHandler, copying = copySizes, again = once }: S3SdkOptions,
  ) {
    this.#copying = copying;
    this.#again = again;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#client = new S3Client({
      maxAttempts: 1,
      // It would write to the console, plain text among our log lines; what it says comes as an error too.
      logger: silentLogger,
      followRegionRedirects: true,
      // Streamed bodies keep a plain Content-Length this way, which every compatible server understands.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true, region: region ?? "us-east-1" }),
      ...(region === undefined ? {} : { region }),
    });
  }

  async get({ key, range, ifNoneMatch, signal }: S3Read): Promise<S3Found> {
    const command = new GetObjectCommand({ ...this.#at(key), Range: rangeHeader(range), IfNoneMatch: ifNoneMatch });
    const output = await this.#client.send(command, signal === undefined ? {} : { abortSignal: signal });
    return { ...output, body: output.Body as Readable };
  }

  async head(key: string): Promise<S3Described> {
    return await this.#client.send(new HeadObjectCommand(this.#at(key)));
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

  async list({ prefix, startAfter, token, maxKeys }: S3Listing): Promise<S3Page> {
    return await this.#client.send(
      new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        MaxKeys: maxKeys,
        ContinuationToken: token,
        StartAfter: startAfter === undefined ? undefined : this.#prefix + startAfter,
      }),
    );
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
    { storageClass, onRequest = () => undefined }: CopyOptions = {},
  ): Promise<{ readonly etag: string }> {
    const ends = { from, source: this.#at(from), target: this.#at(to), storageClass, onRequest };
    return await copyObject({ ...ends, client: this.#client, sizes: this.#copying, again: this.#again });
  }

  async restore(key: string, { days, speed, onRequest }: RestoreOptions): Promise<void> {
    onRequest?.("put");
    const RestoreRequest = { Days: days, GlacierJobParameters: { Tier: tiers[speed] } };
    try {
      await this.#client.send(new RestoreObjectCommand({ ...this.#at(key), RestoreRequest }));
    } catch (error) {
      // Somebody asked between our two calls.
      if (nameOf(error) === "RestoreAlreadyInProgress") return;
      throw s3Failure("restore object", key, error);
    }
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + checkKey(key) };
  }
}
