import { MosaicError } from "../base/index.ts";

/** Throws `invalid` for a key that could mean another place, or none. */
export function checkKey(key: string): string {
  const parts = key.split("/");
  const bad =
    key === "" ||
    !key.isWellFormed() ||
    Buffer.byteLength(key) > 1024 ||
    /[\\\0]/.test(key) ||
    parts.some((part) => part === "" || part === "." || part === "..");
  if (!bad) return key;
  throw new MosaicError("invalid", "name an object", {
    code: "invalid_key",
    detail: "An object key has parts between slashes, none of them empty, . or ..",
    key,
  });
}

/** Order of S3 listings: by the bytes of UTF-8. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const preconditionFailed = (operation: string, key: string): MosaicError =>
  new MosaicError("conflict", operation, {
    code: "precondition_failed",
    detail: "Another writer was there first.",
    key,
  });

export const objectNotFound = (operation: string, key: string): MosaicError =>
  new MosaicError("not_found", operation, { code: "object_not_found", detail: "There is no such object.", key });

export const restoreRequired = (operation: string, key: string, cause?: unknown): MosaicError =>
  new MosaicError("unavailable", operation, {
    code: "restore_required",
    detail: "The object is archived and has to be restored first.",
    hint: "run: mosaic restore",
    key,
    cause,
  });
