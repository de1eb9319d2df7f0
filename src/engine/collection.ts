import type { Clock, Logger, Random, Scope, Settings } from "../base/index.ts";
import { type Builder, CollectionLog, Committer, Fold, FoldSchedule, ShardObjects } from "../ingest/index.ts";
import { Compaction, type Compactor } from "../lifecycle/index.ts";
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
  readonly compactor: Compactor;
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
  readonly compaction: Compaction;

  private constructor(
    scope: Scope,
    parts: EngineParts,
    manifests: ManifestStore,
    log: CollectionLog,
    summaries: Summaries,
    onFolded: (collection: Collection) => void,
  ) {
    const { settings, store, clock, random, logger, localObjects, builder, compactor, workFolder } = parts;
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
    this.compaction = new Compaction({
      ...common,
      log,
      manifests,
      retirement: this.retirement,
      objects: new ShardObjects({ store, random, localObjects }, scope),
      localObjects,
      thread: compactor,
      workFolder,
      shardMaxBytes,
      stepMaxBytes: settings.compactStepBytes,
      summaryOf: ({ id }) => summaries.of(id),
    });
    this.schedule = new FoldSchedule(log, fold, {
      clock,
      logger,
      segments: foldSegments,
      bytes: foldBytes,
      idleMs: foldIdleMs,
      onFolded: () => onFolded(this),
    });
  }

  /** Throws `not_found` when there is no such collection. */
  static async open(scope: Scope, parts: EngineParts, onFolded: (collection: Collection) => void): Promise<Collection> {
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
    return new Collection(scope, parts, manifests, log, summaries, onFolded);
  }

  async close(): Promise<void> {
    await this.committer.settled();
    await this.schedule.close();
  }
}
