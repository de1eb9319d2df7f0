import {
  type Clock,
  collectionPrefix,
  MosaicError,
  type Random,
  type Scope,
  scopeOf,
  type TenantName,
} from "../../base/index.ts";
import { type Branch, liveKeys, type Manifest, ManifestStore, quarantinedKeys } from "../../manifest/index.ts";
import type { ObjectStore } from "../../store/index.ts";

export interface BranchParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a note without its branch is left alone: the branch may be under way. */
  readonly keepMs: number;
}

/**
 * Makes the collection `to` with the shards of `from`, without copying one. Its name is reserved; then every collection
 * that owns some of the objects notes that they are used, so that nothing deletes them; then the branch appears where it
 * was reserved. A crash in between leaves notes that gc takes back once they are older than `keepMs`, after it has revoked
 * the reservation: so a branch that appears was noted all the time, however long its maker slept.
 */
export async function branch(parts: BranchParts, from: Manifest, to: Scope): Promise<Manifest> {
  const manifests = new ManifestStore(parts, to);
  if ((await manifests.read()) !== undefined) throw exists(to);
  const { settings, shards, foldedAt, compactedAt, rankedAt } = from;
  const times = { foldedAt, compactedAt, ...(rankedAt === undefined ? {} : { rankedAt }) };
  const reserved = await manifests.reserve(settings);
  await pinAll(parts, from, to, reserved.manifest.incarnation);
  return (await manifests.appear(reserved, { shards, ...times })).manifest;
}

async function pinAll(parts: BranchParts, from: Manifest, to: Scope, incarnation: string): Promise<void> {
  for (const [owner, keys] of byOwner(from)) {
    const note = { collection: to.collection, incarnation, atMs: parts.clock.now(), keys };
    await pin(parts, scopeOf(to.tenant, owner), note);
  }
}

/** The keys of each collection, by its name. */
function byOwner(manifest: Manifest): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const key of liveKeys(manifest)) {
    const owner = key.split("/")[2] ?? "";
    owners.set(owner, [...(owners.get(owner) ?? []), key]);
  }
  return owners;
}

async function pin(parts: BranchParts, owner: Scope, note: Branch): Promise<void> {
  const manifests = new ManifestStore(parts, owner);
  const current = await manifests.read();
  if (current === undefined) throw lost(owner);
  await manifests.update(current, (now) => {
    const deleting = now.condemned.filter((one) => one.deleting).flatMap(({ keys }) => keys);
    const kept = new Set([...liveKeys(now), ...now.condemned.flatMap(({ keys }) => keys)]);
    for (const key of deleting) kept.delete(key);
    if (note.keys.some((key) => !kept.has(key))) throw lost(owner);
    return { branches: [...now.branches.filter((one) => one.incarnation !== note.incarnation), note] };
  });
}

/** The branches that still use something, and what; undefined when nothing has changed. */
export async function branchesInUse(
  parts: BranchParts,
  { tenant, branches }: Manifest,
): Promise<readonly Branch[] | undefined> {
  const checked = await Promise.all(branches.map((one) => inUse(parts, tenant, one)));
  const left = checked.filter((one) => one !== undefined);
  const same =
    left.length === branches.length && left.every((one, at) => one.keys.length === branches[at]?.keys.length);
  return same ? undefined : left;
}

async function inUse(parts: BranchParts, tenant: string, note: Branch): Promise<Branch | undefined> {
  const manifests = new ManifestStore(parts, scopeOf(tenant as TenantName, note.collection));
  const stored = await manifests.readAny();
  // It was reserved before it was noted: what is not there any more never appears.
  if (stored?.manifest.incarnation !== note.incarnation) return undefined;
  if (stored.manifest.deleted && !stored.manifest.reserved) return undefined;
  if (stored.manifest.deleted) {
    const mayAppear = note.atMs + parts.keepMs > parts.clock.now() || !(await manifests.revoke(stored));
    return mayAppear ? note : undefined;
  }
  const { manifest } = stored;
  const condemned = manifest.condemned.flatMap(({ keys }) => keys);
  const used = new Set([...liveKeys(manifest), ...quarantinedKeys(manifest), ...condemned]);
  const keys = note.keys.filter((key) => used.has(key));
  return keys.length === 0 ? undefined : { ...note, keys };
}

const exists = ({ collection }: Scope): MosaicError =>
  new MosaicError("conflict", "branch collection", {
    code: "collection_exists",
    detail: `The collection ${collection} exists already.`,
  });

const lost = (owner: Scope): MosaicError =>
  new MosaicError("not_found", "branch collection", {
    code: "snapshot_gone",
    detail: "Some of what the snapshot needs has been deleted meanwhile; branch off a newer one.",
    key: collectionPrefix(owner),
  });
