import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, Logger, Random, Settings } from "../base/index.ts";
import { LocalObjects, PartialObjects, VerifiedFiles } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import { currentReceipt } from "../telemetry/index.ts";
import type { FileKeeper } from "./held-files.ts";
import { InlineLeaf } from "./inline-leaf.ts";
import { type LeafRunner, LocalLeaves } from "./leaves.ts";
import { ShardHealth } from "./shard-health.ts";
import { WorkerPool } from "./worker-pool.ts";

interface Surroundings {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Leaves of this process, with the local files that they read. */
export interface OpenLocalLeaves {
  readonly leaves: LocalLeaves;
  readonly objects: LocalObjects;
  readonly files: PartialObjects;
  /** Where it is noted which local files were checked. */
  readonly verifiedFolder: string;
  warm(): void;
  close(): Promise<void>;
}

/** Where Linux keeps files in memory; elsewhere there is none, and nothing is put there. */
const sharedMemory = "/dev/shm";

/** Nothing is started, read or written before the first request. */
export function openLocalLeaves(settings: Settings, { store, clock, random, logger }: Surroundings): OpenLocalLeaves {
  const { cachePath, cacheMaxBytes, wholeFileBelow, wholeFileAfter } = settings;
  const verifiedFolder = join(cachePath, "verified");
  const objects = new LocalObjects({
    store,
    clock,
    random,
    spareFolders: [tmpdir(), sharedMemory],
    verified: new VerifiedFiles(verifiedFolder),
    folder: join(cachePath, "objects"),
    maxBytes: cacheMaxBytes,
    onHit: () => {
      const receipt = currentReceipt();
      if (receipt !== undefined) receipt.cacheHits++;
    },
  });
  const files = new PartialObjects({
    store,
    whole: objects,
    folder: join(cachePath, "parts"),
    maxBytes: Math.ceil(cacheMaxBytes / 4),
    wholeFileBelow,
    wholeFileAfter,
  });
  const health = new ShardHealth(clock, settings.shardTimeoutMs);
  const runner = runnerOf(settings, { verifiedFolder, clock, logger, keeper: objects });
  return {
    leaves: new LocalLeaves({ runner, objects, files, health, clock }),
    objects,
    files,
    verifiedFolder,
    warm: () => runner.warm(),
    close: async () => {
      await runner.close();
      await files.close();
      await objects.close();
    },
  };
}

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
