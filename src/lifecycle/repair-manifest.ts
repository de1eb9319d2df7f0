import { collectionPrefix, isMosaicError, MosaicError } from "../base/index.ts";
import {
  decodeManifest,
  liveKeys,
  type Manifest,
  manifestKey,
  segmentKey,
  sequenceOfSegment,
} from "../manifest/index.ts";
import type { Repair } from "./findings.ts";
import type { VerifyParts } from "./verify.ts";

/**
 * Where the manifest is damaged or missing: makes the newest generation that is kept the current one. The log after it is
 * still there as long as its segments are kept, so that no acknowledged write is lost. Throws `data` when it can't be done
 * without loss; nothing was changed then.
 */
export async function restoreManifest(parts: VerifyParts): Promise<readonly Repair[]> {
  const { store, scope, manifests } = parts;
  const key = collectionPrefix(scope) + manifestKey;
  const got = await store.get(key);
  if (got.status === "found" && !isDamaged(got.bytes, key)) return [];
  const newest = await newestGeneration(parts);
  // No collection was ever here: nothing to repair, and the caller will say so.
  if (newest === undefined && got.status !== "found") return [];
  if (newest === undefined) throw beyondRepair(key, "none of its older generations can be read");
  await checkWhole(parts, newest, key);
  await manifests.restore(newest, got.status === "found" ? got.info.etag : undefined);
  const detail = `The manifest was damaged or missing; generation ${newest.generation} and the log after it took its place.`;
  return [{ object: key, action: "restored", detail }];
}

function isDamaged(bytes: Uint8Array, key: string): boolean {
  try {
    decodeManifest(bytes, key);
    return false;
  } catch (error) {
    if (isMosaicError(error, "data") && error.code === "manifest_damaged") return true;
    throw error;
  }
}

async function newestGeneration({ store, scope }: VerifyParts): Promise<Manifest | undefined> {
  const keys: string[] = [];
  for await (const { key } of store.list(`${collectionPrefix(scope)}manifests/`)) keys.push(key);
  for (const key of keys.reverse()) {
    const got = await store.get(key);
    if (got.status === "found" && !isDamaged(got.bytes, key)) return decodeManifest(got.bytes, key);
  }
  return undefined;
}

/** Everything that the generation names must be there, and the log after it without a gap at its beginning. */
async function checkWhole({ store, scope }: VerifyParts, manifest: Manifest, key: string): Promise<void> {
  for (const live of liveKeys(manifest))
    if ((await store.head(live)) === undefined) throw beyondRepair(key, `${live} is gone`);
  const prefix = collectionPrefix(scope);
  const after = prefix + segmentKey(manifest.foldedThrough);
  for await (const segment of store.list(`${prefix}wal/`, { startAfter: after, limit: 1 }))
    if (sequenceOfSegment(segment.key) !== manifest.foldedThrough + 1)
      throw beyondRepair(key, "segments of the log after its newest kept generation are gone");
}

const beyondRepair = (key: string, why: string): MosaicError =>
  new MosaicError("data", "repair manifest", {
    code: "manifest_damaged",
    detail: `The manifest can't be made again: ${why}. Nothing was changed.`,
    hint: "put the object back from a backup or an older version of the bucket",
    key,
  });
