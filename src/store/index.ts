/**
 * Answers: where do bytes lie, and how are they read, written and swapped?
 * Owns: connections to storage and the lock files of a folder.
 * Never: knows what the bytes mean.
 */
export { ClassedFolders } from "./classed-folders.ts";
export { FolderStore } from "./folder.ts";
export { MemoryStore } from "./memory.ts";
export { type ColdReads, Metered, type StorageReceipt } from "./metered.ts";
export {
  type BilledAs,
  type ByteRange,
  type CopyOptions,
  type DeleteOptions,
  type GetOptions,
  type GetResult,
  type ListOptions,
  mustBeRestored,
  type ObjectInfo,
  type ObjectStore,
  type PutBody,
  type PutOptions,
  type RestoreOptions,
} from "./object-store.ts";
export { isRemote, type OpenStoreOptions, openStore } from "./open.ts";
export { defaultRetryPolicy, Retrying, type RetryPolicy } from "./retrying.ts";
