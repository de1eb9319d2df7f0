/**
 * Answers: where do bytes lie, and how are they read, written and swapped?
 * Owns: connections to storage and the lock files of a folder.
 * Never: knows what the bytes mean.
 */
export { FolderStore } from "./folder.ts";
export { MemoryStore } from "./memory.ts";
export { Metered, type StorageReceipt } from "./metered.ts";
export type {
  ByteRange,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
} from "./object-store.ts";
export { isRemote, type OpenStoreOptions, openStore } from "./open.ts";
export { defaultRetryPolicy, Retrying, type RetryPolicy } from "./retrying.ts";
