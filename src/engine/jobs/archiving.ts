import { type ArchiveClass, type Clock, MosaicError } from "../../base/index.ts";
import { archiveSome, canMoveTo, olderThan, restoreSome } from "../../lifecycle/index.ts";
import type { RestoreOptions } from "../../store/index.ts";
import type { ArchiveChoice } from "../check-archive.ts";
import { type JobKind, type JobResult, type JobTask, PutAside } from "./kind.ts";

export interface ArchiveInput {
  readonly choice: ArchiveChoice;
  readonly storageClass: ArchiveClass;
}

/** Ids of the shards that are still to be moved, and how many were. */
export interface MoveState {
  readonly left: readonly string[];
  readonly moved: number;
  readonly total: number;
}

/** Tries of a swap that others keep overtaking. */
const mostTries = 20;

/** `archive`: moves shards into a colder class. What has moved stays moved, whenever it ends. */
export class ArchiveJob implements JobKind<ArchiveInput, MoveState> {
  readonly name = "archive";
  readonly unit = "shards";
  readonly #clock: Clock;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  async run({ input, state: saved, collection: open, save }: JobTask<ArchiveInput, MoveState>): Promise<JobResult> {
    const { choice, storageClass } = input;
    const collection = await open();
    const { moves } = collection;
    if (saved === null && choice.ageMs !== undefined) await collection.schedule.foldAll();
    let state = saved ?? begun(this.#due(moves.log.manifest, choice, storageClass));
    await save(state, state.moved, state.total);
    for (let tries = 0; state.left.length > 0; tries++) {
      const { moved, left } = await archiveSome(moves, state.left, storageClass);
      if (moved.length > 0) tries = 0;
      else if (tries > mostTries) throw contended("archive");
      state = { ...state, left, moved: state.moved + moved.length };
      await save(state, state.moved, state.total);
    }
    return { shards_archived: state.moved };
  }

  #due(
    manifest: Parameters<typeof olderThan>[0],
    choice: ArchiveChoice,
    storageClass: ArchiveClass,
  ): readonly string[] {
    const named = new Set(choice.shards);
    const chosen =
      choice.ageMs === undefined
        ? manifest.shards.filter(({ id }) => named.has(id))
        : olderThan(manifest, choice.ageMs, this.#clock.now());
    return chosen.filter((entry) => canMoveTo(entry, storageClass)).map(({ id }) => id);
  }
}

export interface RestoreInput extends RestoreOptions {
  /** Null: all that are archived. */
  readonly shards: readonly string[] | null;
}

/** `restore`: brings shards back. While storage makes them readable, which may take hours, the job waits and no process with it. */
export class RestoreJob implements JobKind<RestoreInput, MoveState> {
  readonly name = "restore";
  readonly unit = "shards";
  readonly #clock: Clock;
  readonly #pollMs: number;

  constructor({ clock, pollMs }: { readonly clock: Clock; readonly pollMs: number }) {
    this.#clock = clock;
    this.#pollMs = pollMs;
  }

  async run({ input, state: saved, collection: open, save }: JobTask<RestoreInput, MoveState>): Promise<JobResult> {
    const { moves } = await open();
    const named = input.shards === null ? undefined : new Set(input.shards);
    const { shards } = moves.log.manifest;
    const due = shards.filter(({ id, archived }) => archived !== undefined && (named === undefined || named.has(id)));
    let state = saved ?? begun(due.map(({ id }) => id));
    await save(state, state.moved, state.total);
    for (let tries = 0; state.left.length > 0; tries++) {
      const { moved, left, waits } = await restoreSome(moves, state.left, input);
      if (moved.length > 0) tries = 0;
      else if (!waits && tries > mostTries) throw contended("restore");
      state = { ...state, left, moved: state.moved + moved.length };
      await save(state, state.moved, state.total);
      if (waits) throw new PutAside(this.#clock.now() + this.#pollMs);
    }
    return { shards_restored: state.moved };
  }
}

const begun = (left: readonly string[]): MoveState => ({ left, moved: 0, total: left.length });

const contended = (operation: string): MosaicError =>
  new MosaicError("unavailable", operation, {
    code: "write_contention",
    detail: "Other processes kept changing the shards that were to be moved; try again later.",
  });
