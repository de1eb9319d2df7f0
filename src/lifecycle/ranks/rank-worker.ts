import { mkdirSync, statSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { serveJobs, sha256OfFileSync } from "../../base/index.ts";
import { pageRank } from "../../ranking/index.ts";
import { DeadRows, ShardFile, VerifiedFiles, writeRanks } from "../../shard/index.ts";
import type { CompactSource } from "../compaction/compact-worker.ts";
import { LinkGraph } from "./link-graph.ts";
import type { RankOptions } from "./options.ts";

/** The thread keeps one graph at a time: `begin` starts it, `read` fills it, `rank` ranks it, `close` ends it. */
export type RankJob =
  | { readonly kind: "begin"; readonly folder: string; readonly mostDocuments: number }
  | { readonly kind: "read"; readonly source: RankSource; readonly links: string }
  | { readonly kind: "rank"; readonly options: RankOptions }
  /** Writes the ranks of a shard's rows to `path`; an id that was not read has rank 0. */
  | { readonly kind: "write"; readonly source: RankSource; readonly shard: string; readonly path: string }
  | { readonly kind: "close" };

export type RankSource = Pick<CompactSource, "path" | "documents" | "file" | "deadBits">;

export interface RankedGraph {
  readonly documents: number;
  readonly links: number;
  readonly iterations: number;
  readonly converged: boolean;
}

export interface WrittenRanks {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly min: number;
  readonly max: number;
}

export interface RankAnswer {
  readonly graph?: RankedGraph;
  readonly written?: WrittenRanks;
}

const verified = new VerifiedFiles((workerData as { readonly verifiedFolder: string }).verifiedFolder);
let graph: LinkGraph | undefined;
let ranks: Float64Array = new Float64Array(0);

function answer(job: RankJob): RankAnswer {
  switch (job.kind) {
    case "begin":
      close();
      mkdirSync(job.folder, { recursive: true });
      graph = new LinkGraph(job.folder, job.mostDocuments);
      return {};
    case "read":
      read(begun(), job.source, job.links);
      return {};
    case "rank":
      return { graph: rank(begun(), job.options) };
    case "write":
      return { written: write(begun(), job) };
    case "close":
      close();
      return {};
  }
}

function begun(): LinkGraph {
  if (graph === undefined) throw new RangeError("a graph must be begun before it is used");
  return graph;
}

function read(into: LinkGraph, source: RankSource, key: string): void {
  const { documents, deadBits } = source;
  const dead = deadBits === null ? DeadRows.none(documents) : new DeadRows(documents, deadBits, 0);
  withFile(source, (file) => {
    const nodes = new Uint32Array(documents);
    for (const { id, row } of file.ids()) if (!dead.isDead(row)) nodes[row] = into.add(id);
    for (const { row, target } of file.links(key)) if (!dead.isDead(row)) into.link(nodes[row] as number, target);
  });
}

function rank(of: LinkGraph, { damping, iterations, tolerance }: RankOptions): RankedGraph {
  const { starts, targets } = of.rows();
  const found = pageRank(starts, targets, { damping, maxIterations: iterations, tolerance });
  ranks = found.ranks;
  return {
    documents: of.documents,
    links: targets.length,
    iterations: found.iterations,
    converged: found.converged,
  };
}

function write(from: LinkGraph, { source, shard, path }: RankJob & { kind: "write" }): WrittenRanks {
  const values = new Float64Array(source.documents);
  withFile(source, (file) => {
    for (const { id, row } of file.ids()) {
      const node = from.nodeOf(id);
      values[row] = node === undefined ? 0 : (ranks[node] as number);
    }
  });
  writeRanks(path, shard, values);
  const min = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const max = values.reduce((most, value) => Math.max(most, value), 0);
  return { sizeBytes: statSync(path).size, sha256: sha256OfFileSync(path), min, max };
}

function close(): void {
  graph?.close();
  graph = undefined;
  ranks = new Float64Array(0);
}

function withFile(source: RankSource, task: (file: ShardFile) => void): void {
  verified.check(source.path, source.file);
  const file = ShardFile.open(source.path);
  try {
    task(file);
  } finally {
    file.close();
  }
}

serveJobs(answer);
