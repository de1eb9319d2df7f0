import type { RankOptions } from "../../lifecycle/index.ts";
import type { JobKind, JobResult, JobTask } from "./kind.ts";
import { OneAtATime } from "./one-at-a-time.ts";

/** Ranks documents by their links. It keeps no state: it is minutes of work, and one swap at its end makes all of it visible. */
export class PageRankJob implements JobKind<RankOptions, null> {
  readonly name = "pagerank";
  readonly unit = "documents";
  /** The thread that ranks keeps one graph at a time. */
  readonly #turns = new OneAtATime();

  async run({ input, collection: open, save }: JobTask<RankOptions, null>): Promise<JobResult> {
    const collection = await open();
    // Documents have ranks in shards only.
    await collection.schedule.foldAll();
    const onProgress = (done: number, total: number): Promise<void> => save(null, done, total);
    const graph = await this.#turns.run(() => collection.pageRanks.run(input, { onProgress }));
    const { documents, links, iterations, converged } = graph;
    return { documents, links, iterations, converged: converged ? 1 : 0 };
  }
}
