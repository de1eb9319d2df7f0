import type { Context } from "hono";
import { isMosaicError } from "../base/index.ts";
import { jsonFault } from "../formats/index.ts";
import { RequestError } from "./problem.ts";

const essenceOf = (contentType: string): string => (contentType.split(";")[0] ?? "").trim().toLowerCase();
const charsetOf = (contentType: string): string | undefined => /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1];

/**
 * The request's content type when it is one of `accepted`. Nothing else is read, a missing one neither: browsers send
 * the types of forms, and no type at all, to other sites without asking first.
 */
export function contentTypeOf<Type extends string>(c: Context, accepted: readonly Type[]): Type {
  const given = c.req.header("content-type") ?? "";
  const found = accepted.find((type) => type === essenceOf(given));
  const charset = charsetOf(given)?.toLowerCase() ?? "utf-8";
  if (found !== undefined && (charset === "utf-8" || charset === "utf8")) return found;
  throw new RequestError(
    "invalid",
    "unsupported_media_type",
    `Send Content-Type: ${accepted.join(" or ")}, in UTF-8.`,
    {
      headers: { accept: accepted.join(", ") },
    },
  );
}

function inflated(c: Context, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const encoding = (c.req.header("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding === "identity") return body;
  if (encoding === "gzip") {
    return body.pipeThrough(new DecompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>);
  }
  throw new RequestError("invalid", "unsupported_encoding", "Send the body as it is, or with Content-Encoding: gzip.", {
    headers: { "accept-encoding": "gzip" },
  });
}

/** The body's bytes, unzipped, as they arrive; they are read only as fast as they are taken. */
export async function* bodyChunks(c: Context): AsyncGenerator<Uint8Array> {
  const body = c.req.raw.body;
  if (body === null) return;
  const stream = inflated(c, body);
  const zipped = stream !== body;
  const reader = stream.getReader();
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const { done, value } = await reader.read();
      return done ? undefined : value;
    } catch (cause) {
      if (zipped)
        throw new RequestError("invalid", "invalid_gzip", "The body is not a complete gzip stream.", { cause });
      throw new RequestError("invalid", "incomplete_body", "The connection ended before the body did.", { cause });
    }
  };
  for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
}

const bodyTooLarge = (maxBytes: number): RequestError =>
  new RequestError("too_large", "body_too_large", `The body is larger than ${maxBytes} bytes (MAX_BODY_BYTES).`);

/** The whole body, counted while it is read: Content-Length may be missing, or wrong, or of the zipped form. */
async function readBytes(c: Context, maxBytes: number): Promise<Uint8Array> {
  if (Number(c.req.header("content-length") ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyChunks(c)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RequestError("invalid", "invalid_utf8", "The body is not valid UTF-8.", { cause });
  }
}

/** Parses JSON; what is not JSON is `invalid`, code `malformed_json`, with the place. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RequestError("invalid", "malformed_json", jsonFault(text).detail, { cause });
  }
}

export const readJson = async (c: Context, maxBytes: number): Promise<unknown> =>
  parseJson(decode(await readBytes(c, maxBytes)));

/** Code and detail of anything thrown while one document of many was read. */
export function faultOf(error: unknown): { readonly code: string; readonly detail: string } {
  if (isMosaicError(error)) return { code: error.code, detail: error.detail };
  throw error;
}
