import { type CollectionName, type Scope, scopeOf } from "../base/index.ts";
import {
  type BranchParts,
  branch,
  branchesInUse,
  collectGarbage,
  findGarbage,
  findSnapshot,
  repairCollection,
  rollback,
  verifyCollection,
} from "../lifecycle/index.ts";
import { ManifestStore, Retirement } from "../manifest/index.ts";
import type { ImmutableRef, Pin } from "../shard/index.ts";
import type { CollectionInfo, GarbageReport, VerifyOptions, VerifyReport } from "./api.ts";
import { invalid } from "./check-document.ts";
import { checkAsOf } from "./check-search.ts";
import type { Collection } from "./collection.ts";
import { describeCollection } from "./describe.ts";
import type { ReadParts, Reads } from "./reads.ts";

/** What becomes of collections: older generations, branches, garbage. */
export class Lifecycle {
  readonly #with: ReadParts & { readonly reads: Reads };

  constructor(parts: ReadParts & { readonly reads: Reads }) {
    this.#with = parts;
  }

  async gc(scope: Scope, collect: boolean): Promise<GarbageReport> {
    return await this.#with.reads.fresh(scope, async (collection) => {
      const parts = { ...this.#branchParts(), ...collection };
      const { orphans, condemned } = await (collect ? collectGarbage(parts) : findGarbage(parts));
      return {
        orphans: orphans.map(({ key, sizeBytes }) => ({ key, bytes: sizeBytes })),
        bytes: orphans.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        condemned,
        collected: collect,
      };
    });
  }

  /** Without the collection as it is open here: what it was opened with may be what is damaged. */
  async verify(scope: Scope, { repair = false, onProgress = () => undefined }: VerifyOptions): Promise<VerifyReport> {
    const { store, clock, random, logger, settings, workFolder, localObjects } = this.#with.parts;
    const { gcGraceMs } = settings;
    const manifests = new ManifestStore({ store, clock, random }, scope);
    const parts = { scope, store, clock, random, manifests, workFolder, gcGraceMs, onProgress };
    const { keepMs } = this.#branchParts();
    const retirement = new Retirement(scope, { store, clock, logger, keepMs });
    const copyOf = (ref: ImmutableRef): Promise<Pin | undefined> => localObjects.find(ref);
    const repairs = repair ? await repairCollection({ ...parts, retirement, copyOf }) : [];
    return { ...(await verifyCollection(parts)), repairs };
  }

  async branch(scope: Scope, name: CollectionName, asOf: number | string | undefined): Promise<CollectionInfo> {
    const at = checkAsOf(asOf);
    const to = scopeOf(scope.tenant, name);
    await this.#with.reads.fresh(scope, async ({ log, manifests, schedule }) => {
      if (at === undefined) await schedule.foldAll();
      const from = at === undefined ? log.manifest : await findSnapshot(manifests, log.manifest, at);
      await branch(this.#branchParts(), from, to);
    });
    return await this.#describe(to);
  }

  async rollback(scope: Scope, asOf: number | string): Promise<CollectionInfo> {
    const at = checkAsOf(asOf);
    if (at === undefined) throw invalid("invalid_as_of", "Say which generation or time to go back to.");
    await this.#with.reads.fresh(scope, async (collection) => {
      const { log, manifests } = collection;
      const to = await findSnapshot(manifests, log.manifest, at);
      // What was only in the log at that time is written again, since the log itself goes on.
      const tail = [...(await collection.viewAt(at)).log.tail.through(Number.MAX_SAFE_INTEGER).values()];
      await rollback(collection, to);
      if (tail.length > 0) await collection.committer.commit({ operations: tail });
    });
    return await this.#describe(scope);
  }

  /** Takes back what branches no longer use, so that a collection whose branches are gone can be deleted. */
  async releaseBranches({ log, manifests }: Collection): Promise<void> {
    if (log.manifest.branches.length === 0) return;
    const branches = await branchesInUse(this.#branchParts(), log.manifest);
    const before = log.manifest.generation;
    if (branches === undefined) return;
    const swapped = await manifests.update(log.stored, (now) => (now.generation === before ? { branches } : undefined));
    if (swapped !== undefined) await log.adopt(swapped);
  }

  #branchParts(): BranchParts {
    const { store, clock, random, settings } = this.#with.parts;
    return { store, clock, random, keepMs: Math.max(settings.gcGraceMs, settings.snapshotKeepMs) };
  }

  async #describe(scope: Scope): Promise<CollectionInfo> {
    const { reads } = this.#with;
    return await reads.fresh(scope, async (collection) =>
      describeCollection(collection, await reads.count(collection)),
    );
  }
}
