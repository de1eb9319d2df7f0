import { mkdirSync, statSync } from "node:fs";
import { sha256OfFileSync } from "../base/index.ts";
import {
  type BuildInput,
  type BuiltShard,
  buildShards,
  checkedRanks,
  DeadRows,
  DeadTerms,
  type Expected,
  type Kernel,
  type KnownDeaths,
  type RanksFile,
  ShardFile,
  termsOfDead,
  type VerifiedFiles,
} from "../shard/index.ts";

/** A shard file whose bytes are compared with their checksum before they are used: damage must not be copied on. */
export interface SourceFile {
  readonly path: string;
  readonly expected: Expected;
}

/** What a fold asks of the thread that builds: shard files to make, and the rows that it makes dead. */
export interface BuildJob {
  readonly input: Omit<BuildInput, "nextShardId" | "merge"> & {
    readonly shardIds: readonly string[];
    readonly merge: readonly (SourceFile & {
      readonly rows: number;
      readonly deadBits: Uint8Array | null;
      readonly ranks: RanksFile | null;
    })[];
  };
  /** Shards that stay, with the ids that may have a row in them. */
  readonly lookups: readonly (SourceFile & { readonly ids: readonly string[]; readonly dead: KnownDeaths })[];
}

/** A built shard with what a manifest must say of its file. */
export interface MeasuredShard extends BuiltShard {
  readonly file: Expected;
}

export interface BuildResult {
  readonly shards: readonly MeasuredShard[];
  /** For each lookup: the rows that its ids have. */
  readonly found: readonly (readonly number[])[];
  /** For each lookup what `DeadRows.with` takes beside them; undefined where texts are not read. */
  readonly terms?: readonly Uint8Array[];
}

/** Synchronous: for a thread. Makes `input.folder`; who asked removes it. */
export function runBuild(job: BuildJob, kernel: Kernel, verified: VerifiedFiles): BuildResult {
  const found = job.lookups.map((lookup) => lookUp(lookup, job.input.language, verified));
  return {
    found: found.map(({ rows }) => rows),
    terms: found.map(({ terms }) => terms),
    shards: build(job, kernel, verified).map(measured),
  };
}

export const measured = (shard: BuiltShard): MeasuredShard => ({
  ...shard,
  file: { sizeBytes: statSync(shard.path).size, sha256: sha256OfFileSync(shard.path) },
});

/** Hands out ids that were drawn before, where randomness is at home. */
export function takerOf(ids: readonly string[]): () => string {
  const left = [...ids];
  return () => {
    const id = left.shift();
    if (id === undefined) throw new RangeError("more shards than ids were given");
    return id;
  };
}

function build({ input }: BuildJob, kernel: Kernel, verified: VerifiedFiles): readonly BuiltShard[] {
  const { shardIds, merge, ...rest } = input;
  if (rest.rows.length === 0 && merge.length === 0) return [];
  for (const { path, expected } of merge) verified.check(path, expected);
  const sources = merge.map(({ path, rows, deadBits, ranks }) => ({
    path,
    ranks: checkedRanks(ranks, rows, verified),
    dead: deadBits === null ? DeadRows.none(rows) : new DeadRows(rows, deadBits, 0),
  }));
  mkdirSync(rest.folder, { recursive: true });
  return buildShards({ ...rest, nextShardId: takerOf(shardIds), merge: sources }, kernel);
}

function lookUp(
  { path, expected, ids, dead }: BuildJob["lookups"][number],
  language: string,
  verified: VerifiedFiles,
): { readonly rows: readonly number[]; readonly terms: Uint8Array } {
  if (ids.length === 0) return { rows: [], terms: DeadTerms.none().bytes };
  verified.check(path, expected);
  const file = ShardFile.open(path);
  try {
    const rows = ids.map((id) => file.rowOf(id)).filter((row) => row !== undefined);
    return { rows, terms: termsOfDead(file, dead, rows, language) };
  } finally {
    file.close();
  }
}
