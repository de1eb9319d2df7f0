import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { type Clock, type Logger, type Random, type Settings, waitAtMost } from "../base/index.ts";
import { Builder, type ShardBuilder } from "../ingest/index.ts";
import { Compactor, type CompactorThread, Ranker, type RankThread } from "../lifecycle/index.ts";
import { type LeafTransport, openLocalLeaves } from "../search/index.ts";
import type { EncodedLayout, LocalObjects } from "../shard/index.ts";
import type { ObjectStore } from "../store/index.ts";
import type { LocalFiles } from "./collection.ts";
import { removeLeftWorkFolders, workFolderBelow } from "./work-folders.ts";

/** What does an engine's heavy work, and where it keeps local files. A simulation brings its own. */
export interface Machinery {
  readonly localObjects: LocalFiles;
  readonly builder: ShardBuilder;
  readonly compactor: CompactorThread;
  readonly ranker: RankThread;
  readonly leaves: LeafTransport;
  /** Is told where things lie in a shard's file, when its summary has been read. */
  readonly noteLayout?: (fileKey: string, layout: EncodedLayout) => void;
  /** Local folder for files under construction. */
  readonly workFolder: string;
  /** Prepares threads ahead of the first query. */
  warm(): void;
  /** Resolves when no file is being fetched behind an answer, or the answer has waited long enough for it. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

export interface MachinerySurroundings {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface LocalMachinery extends Machinery {
  readonly localObjects: LocalObjects;
}

/** Of the time that a shard has: an answer waits no longer for a file that only later ones want. */
const shareForFiles = 0.5;

/** Threads of this process, and files on its disk. */
export function localMachinery(
  settings: Settings,
  { store, clock, random, logger }: MachinerySurroundings,
): LocalMachinery {
  const local = openLocalLeaves(settings, { store, clock, random, logger });
  const { leaves, objects: localObjects, files, verifiedFolder } = local;
  const builder = new Builder({ verifiedFolder }, logger);
  const compactor = new Compactor({ verifiedFolder }, logger);
  const ranker = new Ranker({ verifiedFolder }, logger);
  // Made by who needs it: a process that only reads may have no disk to write to.
  const workFolder = workFolderBelow(tmpdir(), random);
  const left = removeLeftWorkFolders(tmpdir());
  return {
    localObjects,
    builder,
    compactor,
    ranker,
    leaves,
    noteLayout: (fileKey, layout) => files.note(fileKey, layout),
    workFolder,
    warm: () => local.warm(),
    settled: () => waitAtMost(clock, settings.shardTimeoutMs * shareForFiles, files.settled()),
    close: async () => {
      await Promise.all([left, local.close(), builder.close(), compactor.close(), ranker.close()]);
      await rm(workFolder, { recursive: true, force: true });
    },
  };
}
