import { serveJobs } from "../base/index.ts";
import { type BuildInput, type BuiltShard, buildShards, DeadRows, Kernel, ShardFile } from "../shard/index.ts";

/** Entry of the builder thread: makes shard files, and finds the rows that a fold makes dead. */
export interface BuildJob {
  readonly input: Omit<BuildInput, "nextShardId" | "merge"> & {
    readonly shardIds: readonly string[];
    readonly merge: readonly { readonly path: string; readonly rows: number; readonly deadBits: Uint8Array | null }[];
  };
  /** Shards that stay, with the ids that may have a row in them. */
  readonly lookups: readonly { readonly path: string; readonly ids: readonly string[] }[];
}

export interface BuildResult {
  readonly shards: readonly BuiltShard[];
  /** For each lookup: the rows that its ids have. */
  readonly found: readonly (readonly number[])[];
}

const kernel = Kernel.load();

function build({ input }: BuildJob): readonly BuiltShard[] {
  const { shardIds, merge, ...rest } = input;
  if (rest.rows.length === 0 && merge.length === 0) return [];
  const ids = [...shardIds];
  const nextShardId = (): string => {
    const id = ids.shift();
    if (id === undefined) throw new RangeError("more shards than ids were given");
    return id;
  };
  const sources = merge.map(({ path, rows, deadBits }) => ({
    path,
    dead: deadBits === null ? DeadRows.none(rows) : new DeadRows(rows, deadBits, 0),
  }));
  return buildShards({ ...rest, nextShardId, merge: sources }, kernel);
}

function lookUp({ path, ids }: BuildJob["lookups"][number]): readonly number[] {
  if (ids.length === 0) return [];
  const file = ShardFile.open(path);
  try {
    return ids.map((id) => file.rowOf(id)).filter((row) => row !== undefined);
  } finally {
    file.close();
  }
}

serveJobs((job: BuildJob): BuildResult => ({ found: job.lookups.map(lookUp), shards: build(job) }));
