import { NodeHttpHandler } from "@smithy/node-http-handler";
import { silentLogger } from "../base/index.ts";
import { checkKey, objectNotFound } from "./keys.ts";
import {
  type CopyOptions,
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
import type { Again } from "./retrying.ts";
import type { CopySizes } from "./s3-copy.ts";
import { s3Failure, statusOf } from "./s3-failure.ts";
import { plainAddress, type S3Place } from "./s3-place.ts";
import type { S3Listing, S3Page, S3Reads } from "./s3-reads.ts";
import type { S3Sdk } from "./s3-sdk.ts";
import { bytesOf, infoOf, isEmpty, isLocal, totalBytes, writeBody } from "./s3-shapes.ts";
import { SignedReads } from "./s3-signed.ts";

export interface S3StoreOptions {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** An S3-compatible server; then path-style addressing. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** AWS's own settings (a profile, other endpoints) have a say in where the bucket is: the SDK finds that out. */
  readonly asConfigured?: boolean;
  /** From which size on an object is copied in parts, and how large those are. */
  readonly copying?: CopySizes;
  /** For the single requests of a copy in parts, of which a failed one would cost all others. One attempt by default. */
  readonly again?: Again;
}

/** Of a request that hears nothing more: longer than the slowest first byte S3 documents for a busy prefix. */
const idleSocketMs = 20_000;
const connectMs = 3_000;
const mostSockets = 256;
/** Keys that S3 gives in one answer. */
const pageKeys = 1000;

/**
 * Objects in Amazon S3 or a compatible server. Relies on what S3 documents: strong read-after-write, conditional PUT
 * (`If-None-Match: *` and `If-Match`) and opaque ETags. It makes one attempt; `Retrying` decides about another. The SDK is
 * loaded by the first call that needs it, which a process that only reads never makes.
 */
export class S3Store implements ObjectStore {
  readonly description: string;
  readonly #prefix: string;
  readonly #handler = new NodeHttpHandler({
    connectionTimeout: connectMs,
    socketTimeout: idleSocketMs,
    httpsAgent: { maxSockets: mostSockets },
    httpAgent: { maxSockets: mostSockets },
    // It would write to the console, plain text among our log lines, when many requests wait for a socket.
    logger: silentLogger,
  });
  readonly #openSdk: () => Promise<S3Sdk>;
  #opening: Promise<S3Sdk> | undefined;
  readonly #signed: S3Reads | undefined;

  constructor({ bucket, prefix, endpoint, region, asConfigured = false, copying, again }: S3StoreOptions) {
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    const place: S3Place = { bucket, prefix: this.#prefix, endpoint, region };
    this.description = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
    this.#openSdk = async () => {
      const { S3Sdk } = await import("./s3-sdk.ts");
      return new S3Sdk(place, { copying, again, requestHandler: this.#handler });
    };
    const address = asConfigured && endpoint === undefined ? undefined : plainAddress(place);
    if (address !== undefined) this.#signed = new SignedReads(address, this.#prefix, this.#handler, () => this.#sdk());
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range, ifNoneMatch, signal } = options;
    if (isEmpty(range)) return await this.#nothingOf(key, ifNoneMatch);
    try {
      const found = await (await this.#reads()).get({ key, ...options });
      return { status: "found", bytes: await bytesOf(found, signal), info: infoOf(key, found, totalBytes(found)) };
    } catch (error) {
      const status = statusOf(error);
      if (status === 304) return { status: "not_modified" };
      if (status === 416) return await this.#nothingOf(key, ifNoneMatch);
      return absentOr(s3Failure("read object", key, error));
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key);
    try {
      const described = await (await this.#reads()).head(key);
      return infoOf(key, described, described.ContentLength ?? 0);
    } catch (error) {
      // A HEAD has no body to name the error, so that a missing bucket looks like a missing object here.
      if (statusOf(error) === 404) return undefined;
      throw s3Failure("look up object", key, error);
    }
  }

  async download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    checkKey(key);
    try {
      const found = await (await this.#reads()).get({ key, signal });
      await writeBody(path, found);
      return infoOf(key, found, totalBytes(found));
    } catch (error) {
      if (isLocal(error)) throw error;
      absentOr(s3Failure("download object", key, error));
      return undefined;
    }
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    return await (await this.#sdk()).put(key, body, options);
  }

  async *list(
    prefix: string,
    { startAfter = "", limit = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncIterable<ObjectInfo> {
    let left = limit;
    let token: string | undefined;
    while (left > 0) {
      const maxKeys = Math.min(left, pageKeys);
      const page = await this.#page({ prefix, startAfter: startAfter === "" ? undefined : startAfter, token, maxKeys });
      for (const listed of page.Contents ?? []) {
        yield infoOf((listed.Key ?? "").slice(this.#prefix.length), listed, listed.Size ?? 0);
        left--;
      }
      token = page.NextContinuationToken;
      if (token === undefined) return;
    }
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    await (await this.#sdk()).delete(key, options);
  }

  async copy(from: string, to: string, options: CopyOptions = {}): Promise<{ readonly etag: string }> {
    return await (await this.#sdk()).copy(from, to, options);
  }

  async restore(key: string, options: RestoreOptions): Promise<void> {
    options.onRequest?.("get");
    const info = await this.head(key);
    if (info === undefined) throw objectNotFound("restore object", key);
    if (!mustBeRestored(info.storageClass) || info.restore !== undefined) return;
    await (await this.#sdk()).restore(key, options);
  }

  mustBeRestored(storageClass: string): boolean {
    return mustBeRestored(storageClass);
  }

  localPath(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#handler.destroy();
  }

  async #page(listing: S3Listing): Promise<S3Page> {
    try {
      return await (await this.#reads()).list(listing);
    } catch (error) {
      throw s3Failure("list objects", listing.prefix, error);
    }
  }

  async #reads(): Promise<S3Reads> {
    return this.#signed ?? (await this.#sdk());
  }

  #sdk(): Promise<S3Sdk> {
    this.#opening ??= this.#openSdk();
    return this.#opening;
  }

  async #nothingOf(key: string, ifNoneMatch: string | undefined): Promise<GetResult> {
    const info = await this.head(key);
    if (info === undefined) return { status: "absent" };
    return info.etag === ifNoneMatch ? { status: "not_modified" } : { status: "found", bytes: new Uint8Array(), info };
  }
}

function absentOr(failure: Error): { readonly status: "absent" } {
  if ((failure as { kind?: unknown }).kind === "not_found") return { status: "absent" };
  throw failure;
}
