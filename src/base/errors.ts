/**
 * The few kinds of failure, each telling the caller what to do:
 * `invalid` fix the request · `denied` bring another key · `not_found` · `conflict` reread and decide again ·
 * `too_large` send less · `timeout` ask for less or wait longer · `unavailable` retry later · `data` stored bytes are
 * damaged: run verify · `internal` a bug of ours.
 */
export type ErrorKind =
  | "invalid"
  | "denied"
  | "not_found"
  | "conflict"
  | "too_large"
  | "timeout"
  | "unavailable"
  | "data"
  | "internal";

export interface ErrorContext {
  /** Stable snake_case word that clients may switch on; defaults to the kind. */
  readonly code?: string;
  /** Says what to do; safe to show to the caller: no path, key, SQL or stack. */
  readonly detail?: string;
  /** Object-store key or file concerned: for logs and operators, never shown over HTTP. */
  readonly key?: string;
  /** What an operator can run or look at next. */
  readonly hint?: string;
  /** For `unavailable`: a fair time to wait before trying again. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Every error that leaves a room. `operation` says what was being done, in words: "open shard". */
export class MosaicError extends Error {
  override readonly name = "MosaicError";
  readonly kind: ErrorKind;
  readonly operation: string;
  readonly code: string;
  readonly detail: string;
  readonly key: string | undefined;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, operation: string, context: ErrorContext = {}) {
    const { code = kind, detail, key, hint, retryAfterMs, cause } = context;
    const where = key === undefined ? "" : ` (${key})`;
    super(`${operation}${where}: ${detail ?? kind}${hint === undefined ? "" : ` [${hint}]`}`, { cause });
    this.kind = kind;
    this.operation = operation;
    this.code = code;
    this.detail = detail ?? `${operation} failed: ${kind}.`;
    this.key = key;
    this.hint = hint;
    this.retryAfterMs = retryAfterMs;
  }
}

/** True for a MosaicError of one of `kinds` (of any kind when none is named). */
export function isMosaicError(error: unknown, ...kinds: readonly ErrorKind[]): error is MosaicError {
  return error instanceof MosaicError && (kinds.length === 0 || kinds.includes(error.kind));
}

/** The plain data of an error, for crossing a thread or a function call. */
export interface SerializedError {
  readonly kind: ErrorKind;
  readonly operation: string;
  readonly code: string;
  readonly detail: string;
  readonly key?: string;
  readonly hint?: string;
  readonly retryAfterMs?: number;
}

export function serializeError(error: unknown): SerializedError {
  const known = asMosaicError(error, "run");
  return {
    kind: known.kind,
    operation: known.operation,
    code: known.code,
    detail: known.detail,
    ...(known.key === undefined ? {} : { key: known.key }),
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    ...(known.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
  };
}

export function deserializeError(plain: SerializedError): MosaicError {
  const { kind, operation, ...context } = plain;
  return new MosaicError(kind, operation, context);
}

/** Anything thrown, as a MosaicError: known ones unchanged, others `internal` with the original as cause. */
export function asMosaicError(error: unknown, operation: string): MosaicError {
  if (error instanceof MosaicError) return error;
  return new MosaicError("internal", operation, {
    detail: "An unexpected error occurred; the server's log has the request id.",
    hint: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}
