import { MosaicError } from "../../base/index.ts";

/** The error for bytes that SQLite would not have written. `what` is for operators; the caller knows the file's key. */
export function damaged(what: string): MosaicError {
  return new MosaicError("data", "read shard pages", {
    code: "shard_damaged",
    detail: "A shard file can't be read; its documents are missing from this answer.",
    hint: `${what}; run: mosaic verify`,
  });
}
