import { asMosaicError, errorFields, isMosaicError, type Logger } from "../base/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import { readStored } from "./held-file.ts";

interface Parts {
  readonly store: ObjectStore;
  readonly logger: Logger;
}

/**
 * Deletes what is known of files that nobody has written to since `beforeMs` and that lie in the inbox no longer; resolves to
 * how many that were. While a file is there its record says how far it was read and where it goes, so that stays, however old.
 * Once it has gone the record is a memory: an event that still comes finds no file, and stores nothing. Should one of its name
 * be dropped and read meanwhile, its record is another one, which the condition saves.
 *
 * Requests: 1 LIST for each 1000 records, and 1 GET, 1 LIST and 1 DELETE for each that is old enough.
 */
export async function forgetFiles(
  parts: Parts,
  beforeMs: number,
  mayGoOn: () => boolean,
): Promise<{ readonly forgotten: number; readonly complete: boolean }> {
  let forgotten = 0;
  for await (const info of parts.store.list("inbox-state/")) {
    if (!mayGoOn()) return { forgotten, complete: false };
    if (info.modifiedMs < beforeMs && (await forget(parts, info))) forgotten++;
  }
  return { forgotten, complete: true };
}

/** One that can't be read or deleted keeps no other from being deleted. */
async function forget({ store, logger }: Parts, { key }: ObjectInfo): Promise<boolean> {
  try {
    const stored = await readStored(store, key);
    if (stored === undefined || (await isThere(store, stored.record.key))) return false;
    await store.delete(key, { ifMatch: stored.etag });
    return true;
  } catch (error) {
    if (isMosaicError(error, "conflict")) return false;
    logger.warn("what is known of a file stays", { key, ...errorFields(asMosaicError(error, "forget file")) });
    return false;
  }
}

/** By a LIST: whoever maintains needs no right to read what users drop. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  for await (const found of store.list(key, { limit: 1 })) return found.key === key;
  return false;
}
