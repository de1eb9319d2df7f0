import { LRUCache } from "lru-cache";
import type { Clock, Logger, Random, Scope, Settings } from "../base/index.ts";
import {
  CollectionLog,
  Committer,
  Fold,
  FoldSchedule,
  PastLog,
  type ShardBuilder,
  ShardObjects,
} from "../ingest/index.ts";
import {
  type AsOf,
  Compaction,
  type CompactorThread,
  findSnapshot,
  type MoveParts,
  PageRanks,
  type RankThread,
} from "../lifecycle/index.ts";
import { ManifestStore, Retirement, type ShardEntry } from "../manifest/index.ts";
import { CollectionView } from "../search/index.ts";
import { type EncodedLayout, type LocalObjects, type ObjectFiles, Summaries } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";

/** Local copies of immutable objects, and how much they are. */
export type LocalFiles = ObjectFiles & Pick<LocalObjects, "bytes" | "count" | "find">;

/** What all collections of an engine share. */
export interface EngineParts {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly localObjects: LocalFiles;
  readonly builder: ShardBuilder;
  readonly compactor: CompactorThread;
  readonly ranker: RankThread;
  readonly workFolder: string;
  /** Is told where things lie in a shard's file. */
  readonly noteLayout: (fileKey: string, layout: EncodedLayout) => void;
}

/** Older generations kept ready for queries. */
const pastViews = 4;

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
  /** What moving its shards between classes of storage needs. */
  readonly moves: MoveParts;
  readonly pageRanks: PageRanks;
  readonly #past = new LRUCache<string, CollectionView>({ max: pastViews });

  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #noteLayout: EngineParts["noteLayout"];

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
    this.#store = store;
    this.#clock = clock;
    this.#noteLayout = parts.noteLayout;
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
    this.moves = {
      ...common,
      log,
      manifests,
      retirement: this.retirement,
      objects: new ShardObjects({ store, clock, random, localObjects }, scope),
      localObjects,
      thread: compactor,
      workFolder,
    };
    this.pageRanks = new PageRanks({ ...this.moves, ranker: parts.ranker });
    this.compaction = new Compaction({
      ...this.moves,
      logger,
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
    const summaries = new Summaries(store, parts.noteLayout);
    let isFirst = true;
    const log = await CollectionLog.open(scope, {
      store,
      clock,
      manifests,
      prepare: async ({ shards }) => {
        if (isFirst) prefetchDeletes(shards, parts.localObjects);
        isFirst = false;
        await summaries.load(shards);
      },
      adopted: ({ shards }) => {
        const live = new Set<string>(shards.map(({ id }) => id));
        summaries.keepOnly((shard) => live.has(shard));
      },
      gcGraceMs: parts.settings.gcGraceMs,
    });
    return new Collection(scope, parts, manifests, log, summaries, onFolded);
  }

  /** What queries see: the collection as it is, or as it was. Refresh the log first. Throws `not_found` (`snapshot_gone`). */
  async viewAt(asOf: AsOf | undefined): Promise<CollectionView> {
    if (asOf === undefined) return this.view;
    const manifest = await findSnapshot(this.manifests, this.log.manifest, asOf);
    const untilMs = "atMs" in asOf ? asOf.atMs : undefined;
    const key = `${manifest.generation} ${untilMs ?? ""}`;
    const known = this.#past.get(key);
    if (known !== undefined) return known;
    const summaries = new Summaries(this.#store, this.#noteLayout);
    await summaries.load(manifest.shards);
    const log = await PastLog.read(this.scope, manifest, untilMs, (sequence) => this.log.readSegment(sequence));
    const view = new CollectionView(log, summaries);
    // A moment that is still to come is not the past yet.
    if (untilMs === undefined || untilMs < this.#clock.now()) this.#past.set(key, view);
    return view;
  }

  /** Resolves when nothing is being written or folded. */
  async settled(): Promise<void> {
    await this.committer.settled();
    await this.schedule.settled();
  }

  async close(): Promise<void> {
    await this.committer.settled();
    await this.schedule.close();
  }
}

/** The first query will want them, and waits less when they come together with the summaries. */
function prefetchDeletes(shards: readonly ShardEntry[], localObjects: LocalFiles): void {
  for (const { deletes } of shards)
    if (deletes !== null)
      localObjects
        .pin(deletes)
        .then((pin) => pin.release())
        .catch(() => undefined); // asked again
}
