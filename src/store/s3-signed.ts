import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest, type HttpResponse } from "@smithy/core/protocols";
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { SignatureV4 } from "@smithy/signature-v4";
import { checkKey } from "./keys.ts";
import { describedBy, isFinal, isLasting, pageOf, type Refusal, refusal } from "./s3-answers.ts";
import { encodePath, type S3Address } from "./s3-place.ts";
import type { S3Described, S3Found, S3Listing, S3Page, S3Read, S3Reads } from "./s3-reads.ts";
import { rangeHeader } from "./s3-shapes.ts";

/** SHA-256 of no bytes: the body of a GET. */
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

interface Request {
  readonly method: "GET" | "HEAD";
  /** In the bucket, not encoded; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Record<string, string>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads by signed requests and nothing else: a sixth of the code to load and a third of the processor time that the SDK's
 * S3 client takes for a GET, of which a cold query sends hundreds (docs/decisions/0016-signed-reads.md). What is refused
 * for reasons that the SDK may know a way around (a bucket of another region, a clock that is wrong) is asked once more
 * of `others`; when they have an answer, they get what follows as well.
 */
export class SignedReads implements S3Reads {
  readonly #address: S3Address;
  readonly #prefix: string;
  readonly #handler: NodeHttpHandler;
  readonly #signer: SignatureV4;
  readonly #others: () => Promise<S3Reads>;
  /** They had an answer where these had none, and for a reason that stays. */
  #theyKnowBetter = false;

  /** `prefix` is of all keys: it ends with a slash, or is empty. */
  constructor(address: S3Address, prefix: string, handler: NodeHttpHandler, others: () => Promise<S3Reads>) {
    this.#address = address;
    this.#prefix = prefix;
    this.#handler = handler;
    this.#others = others;
    this.#signer = new SignatureV4({
      service: "s3",
      region: address.region,
      credentials: defaultProvider(),
      sha256: Sha256,
      // S3 signs the path as it is sent; other services encode it twice.
      uriEscapePath: false,
    });
  }

  async get(read: S3Read): Promise<S3Found> {
    const range = rangeHeader(read.range);
    const { key, ifNoneMatch, signal } = read;
    const headers = {
      ...(range === undefined ? {} : { range }),
      ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }),
    };
    const request: Request = { method: "GET", key: this.#prefix + checkKey(key), headers, signal };
    return await this.#ask(request, answerOf, (others) => others.get(read));
  }

  async head(key: string): Promise<S3Described> {
    const request: Request = { method: "HEAD", key: this.#prefix + checkKey(key) };
    return await this.#ask(request, descriptionOf, (others) => others.head(key));
  }

  async list(listing: S3Listing): Promise<S3Page> {
    const { prefix, startAfter, token, maxKeys } = listing;
    const query = {
      "list-type": "2",
      prefix: this.#prefix + prefix,
      "max-keys": String(maxKeys),
      ...(startAfter === undefined ? {} : { "start-after": this.#prefix + startAfter }),
      ...(token === undefined ? {} : { "continuation-token": token }),
    };
    const read = async ({ body }: HttpResponse) => pageOf(await text(body as Readable));
    return await this.#ask({ method: "GET", key: "", query }, read, (others) => others.list(listing));
  }

  async #ask<T>(
    request: Request,
    read: (response: HttpResponse) => T | Promise<T>,
    askThem: (others: S3Reads) => Promise<T>,
  ): Promise<T> {
    if (this.#theyKnowBetter) return await askThem(await this.#others());
    const response = await this.#send(request);
    const { statusCode, body } = response;
    if (statusCode === 200 || statusCode === 206) return await read(response);
    const refused = refusal(statusCode, await text(body as Readable));
    if (isFinal(refused)) throw refused;
    return await this.#askOthers(refused, askThem);
  }

  async #askOthers<T>(refused: Refusal, ask: (others: S3Reads) => Promise<T>): Promise<T> {
    const answer = await ask(await this.#others());
    this.#theyKnowBetter ||= isLasting(refused);
    return answer;
  }

  async #send({ method, key, query = {}, headers = {}, signal }: Request): Promise<HttpResponse> {
    const { url, path } = this.#address;
    const request = new HttpRequest({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      path: path + encodePath(key),
      query,
      headers: { ...headers, host: url.host, "x-amz-content-sha256": emptyHash },
    });
    const signed = (await this.#signer.sign(request)) as HttpRequest;
    const { response } = await this.#handler.handle(signed, signal === undefined ? {} : { abortSignal: signal });
    return response;
  }
}

const answerOf = ({ headers, body }: HttpResponse): S3Found => ({
  ...describedBy(headers),
  ContentRange: headers["content-range"],
  body: body as Readable,
});

/** The connection is free for another request when the body, which has nothing, was read. */
function descriptionOf({ headers, body }: HttpResponse): S3Described {
  (body as Readable).resume();
  return describedBy(headers);
}
