import { rm } from "node:fs/promises";
import { type Logger, WorkerClient, workerUrl } from "../../base/index.ts";
import type { RankOptions } from "./options.ts";
import type { RankAnswer, RankedGraph, RankJob, RankSource, WrittenRanks } from "./rank-worker.ts";

/** What computes ranks: one graph at a time. */
export interface RankThread {
  begin(folder: string, mostDocuments: number): Promise<void>;
  /** The live documents of a shard, and what they link to by the metadata key `links`. */
  read(source: RankSource, links: string): Promise<void>;
  rank(options: RankOptions): Promise<RankedGraph>;
  /** A file with the rank of each row of a shard; ids that were not read have rank 0. */
  write(source: RankSource, shard: string, path: string): Promise<WrittenRanks>;
  /** Removes a file that was written and is stored by now. */
  discard(path: string): Promise<void>;
  /** Ends the graph, and removes `folder`. */
  done(folder: string): Promise<void>;
}

/** A thread of its own: ranks of a large collection take minutes, and neither folds nor compactions wait for them. */
export class Ranker implements RankThread {
  readonly #worker: WorkerClient<RankJob, RankAnswer>;

  constructor(data: { readonly verifiedFolder: string }, logger: Logger) {
    this.#worker = new WorkerClient(workerUrl(import.meta.url, "rank-worker"), data, (cause) =>
      logger.error("ranking thread died", { cause: String(cause) }),
    );
  }

  async begin(folder: string, mostDocuments: number): Promise<void> {
    await this.#ask({ kind: "begin", folder, mostDocuments });
  }
  async read(source: RankSource, links: string): Promise<void> {
    await this.#ask({ kind: "read", source, links });
  }
  async rank(options: RankOptions): Promise<RankedGraph> {
    return (await this.#ask({ kind: "rank", options })).graph as RankedGraph;
  }
  async write(source: RankSource, shard: string, path: string): Promise<WrittenRanks> {
    return (await this.#ask({ kind: "write", source, shard, path })).written as WrittenRanks;
  }
  async discard(path: string): Promise<void> {
    await rm(path, { force: true });
  }
  async done(folder: string): Promise<void> {
    await this.#ask({ kind: "close" });
    await rm(folder, { recursive: true, force: true });
  }

  close(): Promise<void> {
    return this.#worker.stop("The engine is closing.");
  }

  #ask(job: RankJob): Promise<RankAnswer> {
    return this.#worker.ask(job).answer;
  }
}
