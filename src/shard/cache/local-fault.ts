import { unlinkSync } from "node:fs";

/** Refusals of a local file system, as opposed to those of storage. */
const faults: ReadonlySet<string | undefined> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EFBIG",
  "EROFS",
  "EACCES",
  "EPERM",
  "ENOENT",
  "ENOTDIR",
  "EEXIST",
  "EIO",
  "ELOOP",
  "ENAMETOOLONG",
]);
const fullCodes: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT"]);

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** True when a local folder did not take a file: another folder may. */
export const isLocalFault = (error: unknown): boolean => faults.has(codeOf(error));

export const isDiskFull = (error: unknown): boolean => fullCodes.has(codeOf(error));

/** Done also when there is no such file; throws what else the file system says. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
