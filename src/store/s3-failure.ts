import { MosaicError } from "../base/index.ts";
import { objectNotFound, preconditionFailed, restoreRequired } from "./keys.ts";

interface ServiceError {
  readonly name: string;
  readonly $metadata?: {
    readonly httpStatusCode?: number;
    /** The SDK has learned from the answer how wrong the clock is. */
    readonly clockSkewCorrected?: boolean;
  };
}

export const statusOf = (error: unknown): number | undefined => (error as ServiceError).$metadata?.httpStatusCode;
export const nameOf = (error: unknown): string => (error as ServiceError).name;

interface Known {
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly retryAfterMs?: number;
}

/** What S3's refusals mean, by error name and then by HTTP status. Names: S3 API reference, "Error responses". */
const known: Readonly<Record<string, Known>> = {
  NoSuchBucket: { code: "bucket_not_found", detail: "The storage bucket does not exist.", hint: "check STORAGE_PATH" },
  SlowDown: { code: "storage_busy", detail: "The storage asks to slow down; try again.", retryAfterMs: 1000 },
  GlacierExpeditedRetrievalNotAvailable: {
    code: "storage_busy",
    detail: "The storage has no room for expedited restores at the moment: ask for standard ones, or try again.",
    retryAfterMs: 1000,
  },
  RequestTimeTooSkewed: {
    code: "storage_clock",
    detail: "The storage and this machine disagree about the time; try again.",
    hint: "set this machine's clock",
    retryAfterMs: 100,
  },
  // Somebody ended it, or it was finished and the answer lost: not the object is missing.
  NoSuchUpload: {
    code: "storage_unreachable",
    detail: "The storage no longer knows an upload; try again.",
    retryAfterMs: 100,
  },
  409: { code: "conditional_conflict", detail: "Another write was under way; try again.", retryAfterMs: 100 },
  429: { code: "storage_busy", detail: "The storage asks to slow down; try again.", retryAfterMs: 1000 },
  501: {
    code: "storage_unsupported",
    detail: "The storage lacks a feature that is needed.",
    hint: "conditional PUT is required",
  },
};

/** What reading, and copying, an object of a class that must be restored is refused with. */
const frozenNames: ReadonlySet<string> = new Set(["InvalidObjectState", "ObjectNotInActiveTierError"]);

/** A MosaicError for whatever the SDK threw. `conditional`: the call was a put whose repetition would not be harmless. */
export function s3Failure(operation: string, key: string, error: unknown, conditional = false): Error {
  if (error instanceof MosaicError) return error;
  if (nameOf(error) === "AbortError") return error as Error;
  const status = statusOf(error);
  if (status === 412) return preconditionFailed(operation, key);
  if (frozenNames.has(nameOf(error))) return restoreRequired(operation, key, error);
  const isSkewed = status === 403 && (error as ServiceError).$metadata?.clockSkewCorrected === true;
  const entry = known[isSkewed ? "RequestTimeTooSkewed" : nameOf(error)] ?? known[status ?? 0];
  if (entry !== undefined) return new MosaicError("unavailable", operation, { ...entry, key, cause: error });
  if (status === 404) return objectNotFound(operation, key);
  if (status === 403 || nameOf(error) === "CredentialsProviderError") {
    return new MosaicError("unavailable", operation, {
      code: "storage_denied",
      detail: "The storage refuses access.",
      hint: "check the credentials and their policy; a missing key looks like this too without s3:ListBucket",
      key,
      cause: error,
    });
  }
  return new MosaicError("unavailable", operation, {
    code: conditional ? "outcome_unknown" : "storage_unreachable",
    detail: conditional
      ? "The storage did not answer; the write may or may not have happened."
      : "The storage did not answer; try again.",
    hint: String(error),
    retryAfterMs: 500,
    key,
    cause: error,
  });
}
