import { errorFields, isMosaicError, type Logger } from "../../base/index.ts";
import { type CompactionState, chooseAll, chooseCompaction } from "../../lifecycle/index.ts";
import type { Collection } from "../collection.ts";
import { Interrupted, type JobKind, type JobResult, type JobTask } from "./kind.ts";
import type { OneAtATime } from "./one-at-a-time.ts";

/**
 * `compact` on demand: everything, unless that would change nothing. `tidy`: what the shards ask for, as a job because it
 * may take longer than a function lives.
 */
export class CompactJob implements JobKind<null, CompactionState> {
  readonly name: "compact" | "tidy";
  readonly unit = "documents";
  readonly isPassing: boolean;
  readonly #turns: OneAtATime;

  /** The thread that compacts keeps one compaction at a time: `turns` are shared by all that use it. */
  constructor(turns: OneAtATime, name: "compact" | "tidy" = "compact") {
    this.#turns = turns;
    this.name = name;
    this.isPassing = name === "tidy";
  }

  async run({ state: saved, collection: open, save }: JobTask<null, CompactionState>): Promise<JobResult> {
    const collection = await open();
    await collection.schedule.foldAll();
    const { shards, settings } = collection.log.manifest;
    const chosen = this.name === "tidy" ? chooseCompaction(shards, settings.shardMaxDocs) : chooseAll(shards);
    const keep = (state: CompactionState): Promise<void> => save(state, state.done, state.total);
    const state = saved ?? collection.compaction.plan(chosen);
    await keep(state);
    const after = await this.#turns.run(() => collection.compaction.run(state, { save: keep }));
    return { shards_before: after.shardsBefore, shards_after: collection.log.manifest.shards.length };
  }
}

/**
 * Background compaction of collections whose shards ask for it. It is no job: nothing of it is written down, since the next
 * fold would ask for it again.
 */
export class AutomaticCompaction {
  readonly #logger: Logger;
  readonly #turns: OneAtATime;
  readonly #running = new Map<string, Promise<void>>();
  #closed = false;

  constructor(parts: { readonly logger: Logger; readonly turns: OneAtATime }) {
    this.#logger = parts.logger;
    this.#turns = parts.turns;
  }

  /** Told after folds; a collection is compacted once at a time. */
  noticeShards(collection: Collection): void {
    const { settings, shards } = collection.log.manifest;
    const key = `${collection.scope.tenant}/${collection.scope.collection}`;
    if (this.#closed || this.#running.has(key) || chooseCompaction(shards, settings.shardMaxDocs).length === 0) return;
    const work = this.#compact(collection).finally(() => this.#running.delete(key));
    this.#running.set(key, work);
  }

  /** Stops between two regions. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#running.values());
  }

  async #compact(collection: Collection): Promise<void> {
    const { settings, shards } = collection.log.manifest;
    try {
      const state = collection.compaction.plan(chooseCompaction(shards, settings.shardMaxDocs));
      const save = async (): Promise<void> => {
        if (this.#closed) throw new Interrupted(false);
      };
      await this.#turns.run(() => collection.compaction.run(state, { save }));
      this.#logger.info("compacted", { ...collection.scope, shards: shards.length });
    } catch (error) {
      if (error instanceof Interrupted || isMosaicError(error, "conflict")) return; // another process is at it
      this.#logger.warn("background compaction failed; it will be tried again", {
        ...collection.scope,
        ...errorFields(error),
      });
    }
  }
}
