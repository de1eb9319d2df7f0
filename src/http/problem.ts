import { type ErrorKind, MosaicError } from "../base/index.ts";

/** One thing wrong with a request: `pointer` (RFC 6901) says where in the body, `parameter` which one of the query. */
export interface FieldFault {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly code: string;
  readonly detail: string;
}

/** RFC 9457, with `code` as the word that clients may switch on. Members beyond these are said in the OpenAPI document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly unknown[];
  readonly [member: string]: unknown;
}

const statusOfKind: Record<ErrorKind, number> = {
  invalid: 400,
  denied: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  timeout: 504,
  unavailable: 503,
  data: 500,
  internal: 500,
};

/** Codes whose status differs from that of their kind. */
const statusOfCode: Readonly<Record<string, number>> = {
  key_required: 401,
  key_unknown: 401,
  method_not_allowed: 405,
  unsupported_media_type: 415,
  unsupported_encoding: 415,
  query_too_large: 422,
};

/** A MosaicError that carries more members for its problem document: the list of faults, the allowed methods. */
export class RequestError extends MosaicError {
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    kind: ErrorKind,
    code: string,
    detail: string,
    more: {
      readonly members?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    const { retryAfterMs, cause } = more;
    super(kind, "answer a request", { code, detail, cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
  }
}

const titleOf = (code: string): string => {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** What a caller may know of `error`: never its operation, key, hint or cause. */
export function problemOf(error: MosaicError): Problem {
  const { kind, code } = error;
  const detail =
    kind === "internal" ? "An unexpected error occurred; the server's log has the request id." : error.detail;
  return {
    type: `/docs#${code}`,
    title: titleOf(code),
    status: statusOfCode[code] ?? statusOfKind[kind],
    code,
    detail,
    ...(error instanceof RequestError ? error.members : {}),
  };
}

function headersOf(error: MosaicError, status: number): Record<string, string> {
  return {
    "content-type": "application/problem+json",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="mosaic"' } : {}),
    // A caller that is told to wait is told how long, even when the engine did not say.
    ...(status === 503 ? { "retry-after": String(Math.max(1, Math.ceil((error.retryAfterMs ?? 1000) / 1000))) } : {}),
    // What is left of a refused upload is not worth reading: the connection ends with the answer.
    ...(status === 413 ? { connection: "close" } : {}),
    ...(error instanceof RequestError ? error.headers : {}),
  };
}

export function problemResponse(error: MosaicError): Response {
  const problem = problemOf(error);
  return new Response(JSON.stringify(problem), { status: problem.status, headers: headersOf(error, problem.status) });
}
