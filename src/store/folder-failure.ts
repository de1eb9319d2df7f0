import { MosaicError } from "../base/index.ts";

/** What the file system says where a key names no object: a folder of others, or a part of the key that is an object. */
export const noObject: ReadonlySet<string | undefined> = new Set(["ERR_FS_EISDIR", "ENOTDIR"]);

const byCode: Readonly<Record<string, { readonly code: string; readonly detail: string; readonly hint: string }>> = {
  ENOSPC: {
    code: "storage_full",
    detail: "The disk is full; nothing was stored.",
    hint: "free space, then send again",
  },
  EDQUOT: {
    code: "storage_full",
    detail: "The disk quota is used up; nothing was stored.",
    hint: "free space, then send again",
  },
  EFBIG: {
    code: "storage_full",
    detail: "The storage takes no file as large as this; nothing was stored.",
    hint: "raise the limit on file sizes (ulimit -f), then send again",
  },
  EROFS: {
    code: "storage_read_only",
    detail: "The storage is read-only; nothing was stored.",
    hint: "remount it for writing",
  },
  EACCES: {
    code: "storage_denied",
    detail: "The storage refuses access.",
    hint: "check the owner and mode of the folder",
  },
  EPERM: {
    code: "storage_denied",
    detail: "The storage refuses access.",
    hint: "check the owner and mode of the folder",
  },
};

/** What the file system said, as this store says it. */
export function failure(operation: string, key: string, error: unknown): MosaicError {
  if (error instanceof MosaicError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const known = byCode[code] ?? {
    code: "storage_failed",
    detail: "The storage failed; try again.",
    hint: String(error),
  };
  return new MosaicError("unavailable", operation, { ...known, key, cause: error });
}
