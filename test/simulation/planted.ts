import { CollectionLog, ShardObjects } from "../../src/ingest/index.ts";
import type { Archived, Manifest } from "../../src/manifest/index.ts";

/** Bugs that are planted where the product has its check: for the time of one history. */
export interface PlantedBugs {
  /** A writer never asks again whether a sequence is new. */
  readonly trustOldManifests?: boolean;
  /** What a swap did not use is deleted by a manifest from before it. */
  readonly discardByOldManifest?: boolean;
  /** Folds and compactions take archived shards for others. */
  readonly forgetArchived?: boolean;
  /** A process does not see that shards were restored. */
  readonly heldBackForever?: boolean;
}

type Undo = () => void;

/** Puts another property in the place of a prototype's. */
function patched<T extends object>(
  prototype: T,
  name: keyof T,
  make: (own: PropertyDescriptor) => PropertyDescriptor,
): Undo {
  const own = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
  Object.defineProperty(prototype, name, { ...own, ...make(own) });
  return () => Object.defineProperty(prototype, name, own);
}

/** The manifest as a process with such a bug sees it. */
const seen = (change: (manifest: Manifest) => Manifest): Undo =>
  patched(CollectionLog.prototype, "manifest", ({ get }) => ({
    get(this: CollectionLog): Manifest {
      return change(get?.call(this) as Manifest);
    },
  }));

function forgetArchived(manifest: Manifest): Manifest {
  const shards = manifest.shards.map(({ archived: _, ...entry }) => entry);
  return manifest.shards.some(({ archived }) => archived !== undefined) ? { ...manifest, shards } : manifest;
}

function rememberArchived(): (manifest: Manifest) => Manifest {
  const known = new Map<string, Archived>();
  const made = new WeakMap<Manifest, Manifest>();
  return (manifest) => {
    for (const { id, archived } of manifest.shards) if (archived?.stub) known.set(id, archived);
    const shards = manifest.shards.map((entry) => {
      const archived = known.get(entry.id);
      return archived === undefined ? entry : { ...entry, archived };
    });
    const other = made.get(manifest) ?? { ...manifest, shards };
    made.set(manifest, other);
    return other;
  };
}

const plants: Readonly<Record<keyof PlantedBugs, () => Undo>> = {
  trustOldManifests: () => patched(CollectionLog.prototype, "validatedAgoMs", () => ({ value: () => 0 })),
  discardByOldManifest: () =>
    patched(ShardObjects.prototype, "discard", ({ value }) => {
      const before = new WeakMap<ShardObjects, Manifest>();
      return {
        value(this: ShardObjects, keys: readonly string[], current: Manifest | undefined): Promise<void> {
          const old = before.get(this) ?? current;
          if (current !== undefined) before.set(this, current);
          return value.call(this, keys, old);
        },
      };
    }),
  forgetArchived: () => seen(forgetArchived),
  heldBackForever: () => seen(rememberArchived()),
};

/** Runs a history with these bugs. */
export async function withPlanted<T>(bugs: PlantedBugs, task: () => Promise<T>): Promise<T> {
  const undo = (Object.keys(plants) as (keyof PlantedBugs)[]).filter((bug) => bugs[bug]).map((bug) => plants[bug]());
  try {
    return await task();
  } finally {
    for (const back of undo) back();
  }
}
