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
  /** How long a pin without its branch is left alone: the branch may be under way. */
  readonly keepMs: number;
}

/**
 * Makes the collection `to` with the shards of `from`, without copying one. First every collection that owns some of
 * the objects notes that they are used (so nothing deletes them), then the branch appears. A crash in between leaves notes
 * that gc takes back once they are older than `keepMs`; whoever took so long notes them anew, since gc may have done so.
 */
export async function branch(parts: BranchParts, from: Manifest, to: Scope): Promise<Manifest> {
  const { clock, random, keepMs } = parts;
  const incarnation = random.id(clock.now());
  const manifests = new ManifestStore(parts, to);
  if ((await manifests.read()) !== undefined) throw exists(to);
  const noted = { wallMs: clock.now(), monotonicMs: clock.monotonicMs() };
  await pinAll(parts, from, to, incarnation);
  const { settings, shards, foldedAt, compactedAt } = from;
  const stored = await manifests.create(settings, { incarnation, shards, foldedAt, compactedAt });
  const elapsedMs = Math.max(clock.now() - noted.wallMs, clock.monotonicMs() - noted.monotonicMs);
  if (elapsedMs < keepMs / 2) return stored.manifest;
  try {
    await pinAll(parts, from, to, incarnation);
  } catch (error) {
    await manifests.remove(stored);
    throw error;
  }
  return stored.manifest;
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
  const scope = scopeOf(tenant as TenantName, note.collection);
  const manifest = (await new ManifestStore(parts, scope).readAny())?.manifest;
  if (manifest?.incarnation !== note.incarnation) {
    // Not there yet, or never: it had its time to appear.
    return note.atMs + parts.keepMs > parts.clock.now() ? note : undefined;
  }
  if (manifest.deleted) return undefined;
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
