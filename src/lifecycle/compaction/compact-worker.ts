import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { workerData } from "node:worker_threads";
import { serveJobs, sha256OfFileSync } from "../../base/index.ts";
import { type MeasuredShard, measured, takerOf } from "../../ingest/index.ts";
import {
  Compact,
  checkedRanks,
  DeadRows,
  type Expected,
  Kernel,
  type KnownDeaths,
  type Partition,
  type RanksFile,
  type RegionLimits,
  ShardFile,
  termsOfDead,
  VerifiedFiles,
  writeStub,
} from "../../shard/index.ts";

/** One shard that is compacted, as plain data. */
export interface CompactSource {
  readonly path: string;
  readonly documents: number;
  readonly vectors: number;
  readonly file: { readonly sizeBytes: number; readonly sha256: string };
  readonly deadBits: Uint8Array | null;
  readonly ranks: RanksFile | null;
}

/** A shard's file, of which a stub is made. */
export interface StubSource {
  readonly path: string;
  readonly file: Expected;
  readonly shard: string;
  readonly documents: number;
}

/** The thread keeps one compaction at a time: `plan` begins it, `close` ends it. */
export type CompactJob =
  | {
      readonly kind: "plan";
      readonly sources: readonly CompactSource[];
      readonly limits: RegionLimits;
      readonly clusterBy: string;
      readonly language: string;
      readonly partition: Partition | undefined;
    }
  | { readonly kind: "build"; readonly region: number; readonly folder: string; readonly shardIds: readonly string[] }
  /** Ids of some rows of a file, or rows of some ids (undefined where there is none). */
  | { readonly kind: "ids"; readonly source: CompactSource; readonly rows: readonly number[] }
  | { readonly kind: "rows"; readonly source: CompactSource; readonly ids: readonly string[] }
  /** What dying rows take from the statistics. */
  | {
      readonly kind: "terms";
      readonly source: CompactSource;
      readonly dead: KnownDeaths;
      readonly rows: readonly number[];
      readonly language: string;
    }
  /** The stub of a shard, as a new file at `to`. */
  | { readonly kind: "stub"; readonly source: StubSource; readonly to: string }
  | { readonly kind: "close" };

export interface CompactAnswer {
  readonly regions?: readonly { readonly rows: number; readonly leaf: number }[];
  readonly shards?: readonly MeasuredShard[];
  readonly ids?: readonly string[];
  readonly rows?: readonly (number | undefined)[];
  readonly terms?: Uint8Array;
  readonly stub?: Expected;
}

const kernel = Kernel.load();
const verified = new VerifiedFiles((workerData as { readonly verifiedFolder: string }).verifiedFolder);
let running: Compact | undefined;

function answer(job: CompactJob): CompactAnswer {
  switch (job.kind) {
    case "plan":
      running?.close();
      running = undefined;
      running = open(job);
      return { regions: running.regions };
    case "build":
      return { shards: build(job) };
    case "ids":
      return { ids: withFile(job.source, (file) => job.rows.map((row) => file.row(row).id)) };
    case "rows":
      return { rows: withFile(job.source, (file) => job.ids.map((id) => file.rowOf(id))) };
    case "terms":
      return { terms: withFile(job.source, (file) => termsOfDead(file, job.dead, job.rows, job.language)) };
    case "stub":
      return { stub: stub(job) };
    case "close":
      running?.close();
      running = undefined;
      return {};
  }
}

function open({ sources, limits, clusterBy, language, partition }: CompactJob & { kind: "plan" }): Compact {
  for (const { path, file } of sources) verified.check(path, file);
  const shards = sources.map(({ path, documents, vectors, file, deadBits, ranks }) => ({
    path,
    ranks: checkedRanks(ranks, documents, verified),
    documents,
    vectors,
    sizeBytes: file.sizeBytes,
    dead: deadBits === null ? DeadRows.none(documents) : new DeadRows(documents, deadBits, 0),
  }));
  return new Compact({ shards, clusterBy, language, ...limits, ...(partition === undefined ? {} : { partition }) });
}

function build({ region, folder, shardIds }: CompactJob & { kind: "build" }): readonly MeasuredShard[] {
  if (running === undefined) throw new RangeError("a compaction must be planned before it is built");
  mkdirSync(folder, { recursive: true });
  return running.build(region, { folder, nextShardId: takerOf(shardIds) }, kernel).map(measured);
}

/** The same checksum for the same shard: SQLite writes the same bytes. */
function stub({ source: { path, file, shard, documents }, to }: CompactJob & { kind: "stub" }): Expected {
  verified.check(path, file);
  mkdirSync(dirname(to), { recursive: true });
  writeStub(path, to, shard, documents);
  return { sizeBytes: statSync(to).size, sha256: sha256OfFileSync(to) };
}

function withFile<T>({ path, file: expected }: CompactSource, task: (file: ShardFile) => T): T {
  verified.check(path, expected);
  const file = ShardFile.open(path);
  try {
    return task(file);
  } finally {
    file.close();
  }
}

serveJobs(answer);
