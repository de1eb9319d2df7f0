import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest, type HttpResponse } from "@smithy/core/protocols";
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { SignatureV4 } from "@smithy/signature-v4";
import { httpDateMs } from "../base/index.ts";
import { checkKey } from "./keys.ts";
import { encodePath, type S3Address } from "./s3-place.ts";
import type { S3Described, S3Found, S3Read, S3Reads } from "./s3-reads.ts";
import { rangeHeader } from "./s3-shapes.ts";

/** SHA-256 of no bytes: the body of a GET. */
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** An error like the SDK's. */
interface Refusal extends Error {
  readonly $metadata: { readonly httpStatusCode: number };
}

/** Of the refusals, those that another client could not turn into an answer. */
const isFinal = ({ name, $metadata: { httpStatusCode: status } }: Refusal): boolean =>
  [304, 404, 416, 429].includes(status) || status >= 500 || name === "InvalidObjectState";

/** And of the others, those that the next request would meet as well. */
const isLasting = ({ name, $metadata: { httpStatusCode: status } }: Refusal): boolean =>
  [301, 307].includes(status) || name === "AuthorizationHeaderMalformed" || name === "RequestTimeTooSkewed";

/**
 * Reads objects by signed requests and nothing else: a tenth of the code to load and a quarter of the processor time that
 * the SDK's S3 client takes for a GET, of which a cold query sends hundreds (docs/decisions/0016-signed-reads.md). What is
 * refused for reasons that the SDK may know a way around (a bucket of another region, a clock that is wrong) is asked
 * once more of `others`; when they have an answer, they get what follows as well.
 */
export class SignedReads implements S3Reads {
  readonly #address: S3Address;
  readonly #handler: NodeHttpHandler;
  readonly #signer: SignatureV4;
  readonly #others: () => Promise<S3Reads>;
  /** They had an answer where these had none, and for a reason that stays. */
  #theyKnowBetter = false;

  constructor(address: S3Address, handler: NodeHttpHandler, others: () => Promise<S3Reads>) {
    this.#address = address;
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
    if (this.#theyKnowBetter) return await (await this.#others()).get(read);
    const range = rangeHeader(read.range);
    const { ifNoneMatch } = read;
    const headers = {
      ...(range === undefined ? {} : { range }),
      ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }),
    };
    const { statusCode, headers: found, body } = await this.#send("GET", read.key, headers, read.signal);
    if (statusCode === 200 || statusCode === 206)
      return { ...describedBy(found), ContentRange: found["content-range"], body: body as Readable };
    return await this.#orOthers(refusal(statusCode, await text(body as Readable)), (others) => others.get(read));
  }

  async head(key: string): Promise<S3Described> {
    if (this.#theyKnowBetter) return await (await this.#others()).head(key);
    const { statusCode, headers, body } = await this.#send("HEAD", key, {});
    (body as Readable).resume();
    if (statusCode === 200) return describedBy(headers);
    return await this.#orOthers(refusal(statusCode, ""), (others) => others.head(key));
  }

  async #orOthers<T>(refused: Refusal, ask: (others: S3Reads) => Promise<T>): Promise<T> {
    if (isFinal(refused)) throw refused;
    const answer = await ask(await this.#others());
    this.#theyKnowBetter ||= isLasting(refused);
    return answer;
  }

  async #send(
    method: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    abortSignal?: AbortSignal,
  ): Promise<HttpResponse> {
    const { url, path } = this.#address;
    const request = new HttpRequest({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      path: path + encodePath(checkKey(key)),
      headers: { ...headers, host: url.host, "x-amz-content-sha256": emptyHash },
    });
    const signed = (await this.#signer.sign(request)) as HttpRequest;
    const { response } = await this.#handler.handle(signed, abortSignal === undefined ? {} : { abortSignal });
    return response;
  }
}

function describedBy(headers: HttpResponse["headers"]): S3Described {
  const { etag, "last-modified": modified, "content-length": bytes } = headers;
  return {
    ETag: etag,
    LastModified: modified === undefined ? undefined : { getTime: () => httpDateMs(modified) },
    StorageClass: headers["x-amz-storage-class"],
    Restore: headers["x-amz-restore"],
    ContentLength: bytes === undefined ? undefined : Number(bytes),
  };
}

/** S3 names its refusals in a small XML document ("Error responses" of its API reference). */
function refusal(status: number, xml: string): Refusal {
  const name = /<Code>([^<]*)<\/Code>/.exec(xml)?.[1] ?? `Http${status}`;
  return Object.assign(new Error(`S3 answered ${status} ${name}`), { name, $metadata: { httpStatusCode: status } });
}
