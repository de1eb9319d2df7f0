import { workerData } from "node:worker_threads";
import { serveJobs } from "../base/index.ts";
import {
  type BuildInput,
  type BuiltShard,
  buildShards,
  DeadRows,
  type Expected,
  Kernel,
  ShardFile,
  VerifiedFiles,
} from "../shard/index.ts";

/** What a thread that builds is given when it starts. */
export interface BuilderData {
  readonly verifiedFolder: string;
}

/** A shard file whose bytes are compared with their checksum before they are used: damage must not be copied on. */
export interface SourceFile {
  readonly path: string;
  readonly expected: Expected;
}

/** Entry of the builder thread: makes shard files, and finds the rows that a fold makes dead. */
export interface BuildJob {
  readonly input: Omit<BuildInput, "nextShardId" | "merge"> & {
    readonly shardIds: readonly string[];
    readonly merge: readonly (SourceFile & { readonly rows: number; readonly deadBits: Uint8Array | null })[];
  };
  /** Shards that stay, with the ids that may have a row in them. */
  readonly lookups: readonly (SourceFile & { readonly ids: readonly string[] })[];
}

export interface BuildResult {
  readonly shards: readonly BuiltShard[];
  /** For each lookup: the rows that its ids have. */
  readonly found: readonly (readonly number[])[];
}

const kernel = Kernel.load();
const verified = new VerifiedFiles((workerData as BuilderData).verifiedFolder);

function build({ input }: BuildJob): readonly BuiltShard[] {
  const { shardIds, merge, ...rest } = input;
  if (rest.rows.length === 0 && merge.length === 0) return [];
  const ids = [...shardIds];
  const nextShardId = (): string => {
    const id = ids.shift();
    if (id === undefined) throw new RangeError("more shards than ids were given");
    return id;
  };
  for (const { path, expected } of merge) verified.check(path, expected);
  const sources = merge.map(({ path, rows, deadBits }) => ({
    path,
    dead: deadBits === null ? DeadRows.none(rows) : new DeadRows(rows, deadBits, 0),
  }));
  return buildShards({ ...rest, nextShardId, merge: sources }, kernel);
}

function lookUp({ path, expected, ids }: BuildJob["lookups"][number]): readonly number[] {
  if (ids.length === 0) return [];
  verified.check(path, expected);
  const file = ShardFile.open(path);
  try {
    return ids.map((id) => file.rowOf(id)).filter((row) => row !== undefined);
  } finally {
    file.close();
  }
}

serveJobs((job: BuildJob): BuildResult => ({ found: job.lookups.map(lookUp), shards: build(job) }));
