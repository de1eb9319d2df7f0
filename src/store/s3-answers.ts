import { parseXML } from "@aws-sdk/xml-builder";
import type { HttpResponse } from "@smithy/core/protocols";
import { httpDateMs } from "../base/index.ts";
import type { S3Described, S3Listed, S3Page } from "./s3-reads.ts";

// What S3 answers, read off its headers and XML (S3 API reference: GetObject, ListObjectsV2, "Error responses").

export function describedBy(headers: HttpResponse["headers"]): S3Described {
  const { etag, "last-modified": modified, "content-length": bytes } = headers;
  return {
    ETag: etag,
    LastModified: modified === undefined ? undefined : { getTime: () => httpDateMs(modified) },
    StorageClass: headers["x-amz-storage-class"],
    Restore: headers["x-amz-restore"],
    ContentLength: bytes === undefined ? undefined : Number(bytes),
  };
}

/** Of an element: its text, or its elements by name; of several with one name a list. */
type Xml = string | readonly Xml[] | { readonly [name: string]: Xml };

const elementsOf = (xml: Xml | undefined, name: string): readonly Xml[] => {
  if (xml === undefined || typeof xml === "string" || isList(xml)) return [];
  const found = xml[name];
  if (found === undefined) return [];
  return isList(found) ? found : [found];
};
const isList = (xml: Xml): xml is readonly Xml[] => Array.isArray(xml);
const textOf = (xml: Xml | undefined, name: string): string | undefined => {
  const [first] = elementsOf(xml, name);
  return typeof first === "string" ? first : undefined;
};

/** A page of ListObjectsV2. Throws an error of the parser's for what is no whole document. */
export function pageOf(xml: string): S3Page {
  const [page] = elementsOf(parseXML(xml) as Xml, "ListBucketResult");
  if (page === undefined) throw new Error("S3's answer to a LIST is none");
  return {
    Contents: elementsOf(page, "Contents").map(listedOf),
    NextContinuationToken: textOf(page, "NextContinuationToken"),
  };
}

function listedOf(xml: Xml): S3Listed {
  const modified = textOf(xml, "LastModified");
  return {
    Key: textOf(xml, "Key"),
    ETag: textOf(xml, "ETag"),
    Size: Number(textOf(xml, "Size") ?? 0),
    LastModified: modified === undefined ? undefined : { getTime: () => httpDateMs(modified) },
    StorageClass: textOf(xml, "StorageClass"),
  };
}

/** An error like the SDK's. */
export interface Refusal extends Error {
  readonly $metadata: { readonly httpStatusCode: number };
}

/** `xml` is what S3 says of a refusal; a proxy before it may say anything, and a HEAD has nothing. */
export function refusal(status: number, xml: string): Refusal {
  const name = /<Code>([^<]*)<\/Code>/.exec(xml)?.[1] ?? `Http${status}`;
  return Object.assign(new Error(`S3 answered ${status} ${name}`), { name, $metadata: { httpStatusCode: status } });
}

/** Of the refusals, those that another client could not turn into an answer. */
export const isFinal = ({ name, $metadata: { httpStatusCode: status } }: Refusal): boolean =>
  [304, 404, 416, 429].includes(status) || status >= 500 || name === "InvalidObjectState";

/** And of the others, those that the next request would meet as well. */
export const isLasting = ({ name, $metadata: { httpStatusCode: status } }: Refusal): boolean =>
  [301, 307].includes(status) || name === "AuthorizationHeaderMalformed" || name === "RequestTimeTooSkewed";
