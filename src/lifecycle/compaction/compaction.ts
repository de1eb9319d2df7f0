import { type Logger, MosaicError } from "../../base/index.ts";
import { isStillStored, liveDocuments, type ShardEntry } from "../../manifest/index.ts";
import type { Partition, Summary } from "../../shard/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import { Lease } from "./lease.ts";
import { inSteps, scheduleOf } from "./schedule.ts";
import { allAsRead, runStep, type StepParts, type StepPlan, type StepResult } from "./step.ts";

export interface CompactionParts extends StepParts {
  readonly store: ObjectStore;
  readonly logger: Logger;
  /** Of a live shard. */
  readonly summaryOf: (shard: ShardEntry) => Summary;
  /** Files that one step reads, and so the local disk that it takes, together with one new file. */
  readonly stepMaxBytes: number;
}

/** New shards, by the region that they hold. */
type Stored = Readonly<Record<string, readonly ShardEntry[]>>;

/** Where a compaction stands: plain data, written down after every region, so that another process can go on. */
export interface CompactionState {
  readonly build: string;
  readonly total: number;
  readonly done: number;
  readonly shardsBefore: number;
  readonly partition: Partition | null;
  /** Ids of the shards of each step that is still to do. */
  readonly steps: readonly (readonly string[])[];
  /** Leaf of each shard that the first round made, by id; null without a partition and in the second round. */
  readonly leaves: Readonly<Record<string, number>> | null;
  /** The step under way: what it reads, as it was when it began, and what it has stored, by region. */
  readonly current: {
    readonly shards: readonly ShardEntry[];
    readonly stored: Stored;
  } | null;
}

export interface CompactionHooks {
  /** Keeps the state; throws to end the work. */
  readonly save: (state: CompactionState) => Promise<void>;
}

/** Tries of a step whose shards others keep rewriting. */
const triesPerStep = 5;

/** Compacts one collection, step by step, under a lease. What is done stays done, whenever it ends. */
export class Compaction {
  readonly #parts: CompactionParts;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  /** A new compaction of these shards. */
  plan(shards: readonly ShardEntry[]): CompactionState {
    const { log, stepMaxBytes, summaryOf, random } = this.#parts;
    const { partition, steps } = scheduleOf(shards, stepMaxBytes, log.manifest.settings.clusterBy, summaryOf);
    const rows = shards.reduce((sum, shard) => sum + liveDocuments(shard), 0);
    return {
      build: random.nonce(8),
      total: partition === undefined ? rows : 2 * rows,
      done: 0,
      shardsBefore: shards.length,
      partition: partition ?? null,
      steps: steps.map((step) => step.map(({ id }) => id)),
      leaves: partition === undefined ? null : {},
      current: null,
    };
  }

  /** Goes on from `state` to the end; throws `conflict` while another process compacts the collection. */
  async run(state: CompactionState, hooks: CompactionHooks): Promise<CompactionState> {
    const { store, clock, random, log } = this.#parts;
    const lease = new Lease({ store, clock, random }, log.scope);
    const token = await lease.acquire(log.manifest.fence);
    const stopRenewing = lease.keep();
    try {
      return await this.#steps(state, token, {
        save: async (next) => {
          await lease.renew();
          await hooks.save(next);
        },
      });
    } finally {
      stopRenewing();
      await lease.release();
    }
  }

  async #steps(start: CompactionState, token: number, hooks: CompactionHooks): Promise<CompactionState> {
    let state = start;
    for (;;) {
      const [ids, ...rest] = state.steps;
      if (ids === undefined) {
        if (state.leaves === null) return state;
        state = this.#secondRound(state);
        continue;
      }
      const { after, result } = await this.#step(state, ids, token, hooks);
      const made = Object.fromEntries(result.shards.map(({ entry, leaf }) => [entry.id, leaf]));
      const leaves = state.leaves === null ? null : { ...state.leaves, ...made };
      state = { ...after, steps: rest, leaves, current: null };
      await hooks.save(state);
    }
  }

  /** One step, again when others rewrote what it read; shards that are gone by then are theirs. */
  async #step(
    state: CompactionState,
    ids: readonly string[],
    token: number,
    hooks: CompactionHooks,
  ): Promise<{ readonly after: CompactionState; readonly result: StepResult }> {
    const { log, random } = this.#parts;
    let current = await this.#resumable(state);
    const resumedAt = log.manifest.generation;
    for (let attempt = 0; attempt < triesPerStep; attempt++) {
      await log.refresh();
      const since = current === undefined ? log.manifest.generation : resumedAt;
      const wanted = new Set(ids);
      const shards =
        current?.shards ?? log.manifest.shards.filter(({ id, archived }) => wanted.has(id) && archived === undefined);
      const result: StepResult =
        shards.length === 0
          ? { outcome: "swapped", shards: [] }
          : await this.#attempt(state, { shards, stored: current?.stored ?? {}, since, token }, hooks);
      const rows = shards.reduce((sum, shard) => sum + liveDocuments(shard), 0);
      if (result.outcome === "swapped") return { after: { ...state, done: state.done + rows }, result };
      current = undefined;
      await this.#parts.clock.sleep(random.next() * 500);
    }
    throw new MosaicError("unavailable", "compact", {
      code: "write_contention",
      detail: "Other processes kept rewriting the shards that were to be compacted; try again later.",
    });
  }

  async #attempt(
    state: CompactionState,
    step: Pick<StepPlan, "shards" | "since" | "token"> & { readonly stored: Stored },
    hooks: CompactionHooks,
  ): Promise<StepResult> {
    const { shards, since, token } = step;
    const firstRound = state.leaves !== null;
    let { stored } = step;
    const plan = {
      // Pieces of a leaf that steps of the first round leave behind were not put into cells together.
      build: firstRound ? `${state.build}-${state.steps.length}` : state.build,
      shards,
      partition: firstRound ? (state.partition ?? undefined) : undefined,
      since,
      token,
      stored: new Map(Object.entries(stored).map(([region, entries]) => [Number(region), entries])),
    };
    return await runStep(this.#parts, plan, {
      onRegion: async (region, entries, rowsDone) => {
        stored = { ...stored, [region]: entries };
        await hooks.save({ ...state, done: state.done + rowsDone, current: { shards, stored } });
      },
    });
  }

  /** What an earlier process left of the step under way, if its inputs are still live and its outputs still there. */
  async #resumable({ current }: CompactionState): Promise<CompactionState["current"] | undefined> {
    if (current === null) return undefined;
    const { log, store } = this.#parts;
    await log.refresh();
    if (!allAsRead(current.shards, log.manifest)) return undefined;
    const needed = [
      ...current.shards.flatMap(({ deletes }) => (deletes === null ? [] : [deletes])),
      ...Object.values(current.stored).flatMap((entries) =>
        entries.flatMap(({ file, summary, terms }) => [file, summary, terms]),
      ),
    ];
    const { generation } = log.manifest;
    const keys = needed.map(({ key }) => key);
    const found = await Promise.all(keys.map(async (key) => (await store.head(key)) !== undefined));
    return found.every(Boolean) && isStillStored(log.manifest, generation, keys) ? current : undefined;
  }

  /** The pieces of each leaf, from all steps, together. A leaf whose pieces came from one step is done. */
  #secondRound(state: CompactionState): CompactionState {
    const { log, stepMaxBytes } = this.#parts;
    const byLeaf = new Map<number, ShardEntry[]>();
    for (const shard of log.manifest.shards) {
      const leaf = state.leaves?.[shard.id];
      if (leaf !== undefined) byLeaf.set(leaf, [...(byLeaf.get(leaf) ?? []), shard]);
    }
    const several = [...byLeaf.values()].filter((shards) => new Set(shards.map(({ build }) => build)).size > 1);
    const steps = several.flatMap((shards) => inSteps(shards, stepMaxBytes)).map((step) => step.map(({ id }) => id));
    return { ...state, steps, leaves: null, done: state.total / 2 };
  }
}
