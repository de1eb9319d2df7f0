import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, Logger, Random, Settings } from "../base/index.ts";
import { Builder, type ShardBuilder } from "../ingest/index.ts";
import { Compactor, type CompactorThread } from "../lifecycle/index.ts";
import {
  type FileKeeper,
  InlineLeaf,
  type LeafRunner,
  type LeafTransport,
  LocalLeaves,
  ShardHealth,
  WorkerPool,
} from "../search/index.ts";
import { type EncodedLayout, LocalObjects, PartialObjects, VerifiedFiles } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import { currentReceipt } from "../telemetry/index.ts";
import type { LocalFiles } from "./collection.ts";

/** What does an engine's heavy work, and where it keeps local files. A simulation brings its own. */
export interface Machinery {
  readonly localObjects: LocalFiles;
  readonly builder: ShardBuilder;
  readonly compactor: CompactorThread;
  readonly leaves: LeafTransport;
  /** Is told where things lie in a shard's file, when its summary has been read. */
  readonly noteLayout?: (fileKey: string, layout: EncodedLayout) => void;
  /** Local folder for files under construction. */
  readonly workFolder: string;
  /** Prepares threads ahead of the first query. */
  warm(): void;
  /** Resolves when no file is being fetched behind an answer. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

interface Surroundings {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Threads of this process, and files on its disk. */
export function localMachinery(settings: Settings, { store, clock, random, logger }: Surroundings): Machinery {
  const verifiedFolder = join(settings.cachePath, "verified");
  const localObjects = new LocalObjects({
    store,
    clock,
    random,
    spareFolders: [tmpdir(), sharedMemory],
    verified: new VerifiedFiles(verifiedFolder),
    folder: join(settings.cachePath, "objects"),
    maxBytes: settings.cacheMaxBytes,
    onHit: () => {
      const receipt = currentReceipt();
      if (receipt !== undefined) receipt.cacheHits++;
    },
  });
  const files = new PartialObjects({
    store,
    whole: localObjects,
    folder: join(settings.cachePath, "parts"),
    maxBytes: Math.ceil(settings.cacheMaxBytes / 4),
    wholeFileBelow: settings.wholeFileBelow,
    wholeFileAfter: settings.wholeFileAfter,
  });
  const runner = runnerOf(settings, { verifiedFolder, clock, logger, keeper: localObjects });
  const builder = new Builder({ verifiedFolder }, logger);
  const compactor = new Compactor({ verifiedFolder }, logger);
  // Made by who needs it: a process that only reads may have no disk to write to.
  const workFolder = join(tmpdir(), `mosaic-build-${random.nonce(8)}`);
  return {
    localObjects,
    builder,
    compactor,
    leaves: new LocalLeaves({ runner, objects: localObjects, files, health: new ShardHealth(clock), clock }),
    noteLayout: (fileKey, layout) => files.note(fileKey, layout),
    workFolder,
    warm: () => runner.warm(),
    settled: () => files.settled(),
    close: async () => {
      await Promise.all([runner.close(), builder.close(), compactor.close()]);
      await files.close();
      await localObjects.close();
      await rm(workFolder, { recursive: true, force: true });
    },
  };
}

/** Where Linux keeps files in memory; elsewhere there is none, and nothing is put there. */
const sharedMemory = "/dev/shm";

interface RunnerParts {
  readonly verifiedFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keeper: FileKeeper;
}

function runnerOf(settings: Settings, { verifiedFolder, clock, logger, keeper }: RunnerParts): LeafRunner {
  const { searchThreads, codesMaxBytes, openShards, shardIdleMs, mmapMaxBytes, postingsMaxBytes } = settings;
  const limits = { codesMaxBytes, openShards, shardIdleMs, mmapMaxBytes, postingsMaxBytes, verifiedFolder };
  if (searchThreads === 0) return new InlineLeaf(limits, keeper);
  return new WorkerPool({ ...limits, threads: searchThreads, clock, logger, keeper });
}
