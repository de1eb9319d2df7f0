import type { Clock, Logger, Random, Scope, Settings } from "../base/index.ts";
import { type Builder, CollectionLog, Committer, Fold, FoldSchedule } from "../ingest/index.ts";
import { ManifestStore, Retirement } from "../manifest/index.ts";
import { CollectionView } from "../search/index.ts";
import { type LocalObjects, Summaries } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";

/** What all collections of an engine share. */
export interface EngineParts {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly localObjects: LocalObjects;
  readonly builder: Builder;
  readonly workFolder: string;
}

/** One open collection: its log, its view for queries, its committer and its folds. */
export class Collection {
  readonly scope: Scope;
  readonly manifests: ManifestStore;
  readonly log: CollectionLog;
  readonly view: CollectionView;
  readonly committer: Committer;
  readonly schedule: FoldSchedule;
  readonly retirement: Retirement;

  private constructor(
    scope: Scope,
    parts: EngineParts,
    manifests: ManifestStore,
    log: CollectionLog,
    summaries: Summaries,
  ) {
    const { settings, store, clock, random, logger, localObjects, builder, workFolder } = parts;
    const { shardMaxBytes, gcGraceMs, snapshotKeepMs, tailMaxBytes, foldSegments, foldBytes, foldIdleMs } = settings;
    this.scope = scope;
    this.manifests = manifests;
    this.log = log;
    this.view = new CollectionView(log, summaries);
    const common = { store, clock, random, logger };
    this.committer = new Committer(log, { ...common, segmentMaxBytes: foldBytes, tailMaxBytes, gcGraceMs });
    this.retirement = new Retirement(scope, { store, clock, logger, keepMs: Math.max(gcGraceMs, snapshotKeepMs) });
    const fold = new Fold(log, {
      ...common,
      manifests,
      summaries,
      localObjects,
      builder,
      workFolder,
      shardMaxBytes,
      retirement: this.retirement,
    });
    this.schedule = new FoldSchedule(log, fold, {
      clock,
      logger,
      segments: foldSegments,
      bytes: foldBytes,
      idleMs: foldIdleMs,
    });
  }

  /** Throws `not_found` when there is no such collection. */
  static async open(scope: Scope, parts: EngineParts): Promise<Collection> {
    const { store, clock, random } = parts;
    const manifests = new ManifestStore({ store, clock, random }, scope);
    const summaries = new Summaries(store);
    const log = await CollectionLog.open(scope, {
      store,
      clock,
      manifests,
      prepare: ({ shards }) => summaries.load(shards),
      adopted: ({ shards }) => {
        const live = new Set<string>(shards.map(({ id }) => id));
        summaries.keepOnly((shard) => live.has(shard));
      },
    });
    return new Collection(scope, parts, manifests, log, summaries);
  }

  async close(): Promise<void> {
    await this.committer.settled();
    await this.schedule.close();
  }
}
