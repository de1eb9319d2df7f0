import { asMosaicError, type Clock, MosaicError, serializeError, stillAsked } from "../base/index.ts";
import type { ObjectRef } from "../manifest/index.ts";
import { type CellVisits, picked } from "../selection/index.ts";
import { type LocalObjects, type PartialObjects, partsUnkept } from "../shard/index.ts";
import { currentReceipt } from "../telemetry/index.ts";
import { allFailed, mergeReplies, nothingFound } from "./leaf-replies.ts";
import {
  type LeafFailure,
  type LeafReply,
  type LeafRequest,
  type MissingPart,
  noWork,
  type ShardTarget,
} from "./leaf-request.ts";
import type { LocalPaths, LocalPlace } from "./open-shards.ts";
import type { ShardHealth } from "./shard-health.ts";

/** Carries leaf requests to wherever leaves run. */
export interface LeafTransport {
  /** Splits a request by shard as suits the transport; replies come back as one. A failing shard costs itself only. */
  ask(request: LeafRequest, timeoutMs: number): Promise<LeafReply>;
}

/** Runs leaves in this process: a pool of threads, or the calling thread. */
export interface LeafRunner {
  /** Prepares ahead of the first query. */
  warm(): void;
  /** The thread that has, or will have, a shard's codes. */
  threadOf(shardKey: string, rows: number): number;
  ask(thread: number, request: LeafRequest, paths: LocalPaths, timeoutMs: number): Promise<LeafReply>;
  close(): Promise<void>;
}

export interface LocalLeavesParts {
  readonly runner: LeafRunner;
  readonly objects: LocalObjects;
  /** Shard files, or the parts of them that were wanted so far. */
  readonly files: PartialObjects;
  readonly health: ShardHealth;
  readonly clock: Clock;
}

/** Rounds of fetching what a leaf misses: two answer a query, the others are for parts that turn out damaged here. */
const mostRounds = 6;

/** Leaves in this process. Where the store is far away, what they need of a shard is fetched as they ask for it. */
export class LocalLeaves implements LeafTransport {
  readonly #runner: LeafRunner;
  readonly #objects: LocalObjects;
  readonly #files: PartialObjects;
  readonly #health: ShardHealth;
  readonly #clock: Clock;

  constructor({ runner, objects, files, health, clock }: LocalLeavesParts) {
    this.#runner = runner;
    this.#objects = objects;
    this.#files = files;
    this.#health = health;
    this.#clock = clock;
  }

  async ask(request: LeafRequest, timeoutMs: number): Promise<LeafReply> {
    const untilMs = this.#clock.monotonicMs() + timeoutMs;
    const reply = await this.#once(request, untilMs);
    const again = await this.#withFreshCopies(request, reply);
    const whole = again === undefined ? reply : mergeReplies(without(reply, again), await this.#once(again, untilMs));
    this.#health.note(
      request.shards.map(({ entry }) => entry.id),
      whole.failed,
      timeoutMs,
    );
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.computeMs += whole.work.computeMs;
    return whole;
  }

  async #once(request: LeafRequest, untilMs: number): Promise<LeafReply> {
    stillAsked();
    using pins = new DisposableStack();
    const { paths, failed } = await this.#fetch(request.shards, pins, untilMs);
    const lost = new Set(failed.map(({ shard }) => shard));
    const groups = this.#split(request, lost);
    const reply = await this.#answer(groups, paths, untilMs);
    return { ...reply, failed: [...failed, ...reply.failed] };
  }

  /**
   * Asks the threads, and again those that missed something, until none does. They wait for each other, so that a
   * round is one for all of them.
   */
  async #answer(first: readonly Group[], paths: LocalPaths, untilMs: number): Promise<LeafReply> {
    let whole = nothingFound;
    let groups = first;
    for (let round = 0; groups.length > 0; round++) {
      stillAsked();
      const leftMs = this.#leftMs(untilMs);
      const ask = ([thread, part]: Group): Promise<LeafReply> =>
        this.#runner.ask(thread, part, paths, leftMs).catch((error: unknown) => allFailed(part, error));
      const replies = await Promise.all(groups.map(ask));
      const missing = replies.flatMap((reply) => reply.missing ?? []);
      if (missing.length > 0 && round === mostRounds) return mergeReplies(whole, unkept(groups));
      const failed = missing.length === 0 ? [] : await this.#fetchParts(groups, missing, untilMs);
      whole = replies.map(withoutUnfinished).reduce(mergeReplies, { ...whole, failed: [...whole.failed, ...failed] });
      groups = unfinished(groups, replies, failed);
    }
    return whole;
  }

  /** One round: all missing blocks of all shards. A shard whose blocks can't be had is failed. */
  async #fetchParts(
    groups: readonly Group[],
    missing: readonly MissingPart[],
    untilMs: number,
  ): Promise<readonly LeafFailure[]> {
    const targets = groups.flatMap(([, { shards }]) => shards);
    const files = new Map(targets.map(({ entry }) => [entry.id as string, entry.file]));
    const late = new AbortController();
    const cancel = this.#clock.schedule(this.#leftMs(untilMs), () => late.abort());
    const failures = await Promise.all(
      missing.map(async ({ shard, blocks }) => {
        try {
          await this.#files.fetch(files.get(shard) as ObjectRef, blocks, late.signal);
          return undefined;
        } catch (error) {
          const cause = late.signal.aborted ? tooLate() : asMosaicError(error, "fetch shard");
          return { shard, error: serializeError(cause) };
        }
      }),
    );
    cancel();
    return failures.filter((failure) => failure !== undefined);
  }

  /** The part of the request whose local copies were damaged; they are dropped, so that asking again fetches them anew. */
  async #withFreshCopies(request: LeafRequest, { failed }: LeafReply): Promise<LeafRequest | undefined> {
    const damaged = new Set(failed.filter(({ error }) => error.kind === "data").map(({ shard }) => shard));
    const dropped = new Set<string>();
    // Parts that the disk does not take: then the whole file may find another place.
    const unkept = failed.filter(({ error }) => error.code === partsUnkept).map(({ shard }) => shard);
    for (const shard of unkept) dropped.add(shard);
    for (const target of request.shards.filter(({ entry }) => damaged.has(entry.id))) {
      const { entry } = target;
      for (const ref of [entry.file, ...besides(target)]) if (await this.#objects.drop(ref)) dropped.add(entry.id);
    }
    if (dropped.size === 0) return undefined;
    return partOf(request, (shard) => dropped.has((request.shards[shard] as ShardTarget).entry.id));
  }

  /**
   * What is here of the files that the shards need, added to `pins`; a shard whose files can't be had in time is failed
   * here. Its file goes on coming, for whoever asks next.
   */
  async #fetch(
    shards: readonly ShardTarget[],
    pins: DisposableStack,
    untilMs: number,
  ): Promise<{ paths: LocalPaths; failed: readonly LeafFailure[] }> {
    const paths: Record<string, LocalPlace> = {};
    const { promise: late, reject } = Promise.withResolvers<never>();
    late.catch(() => undefined); // whoever still waits is told
    const cancel = this.#clock.schedule(this.#leftMs(untilMs), () => reject(tooLate()));
    const failures = await Promise.all(
      shards.map(async (target) => {
        const { entry } = target;
        try {
          this.#health.refuse(entry.id);
          const own = new DisposableStack();
          const placing = this.#place(target, own);
          // What comes when nobody waits for it any more is let go of at once.
          const found = await Promise.race([placing, late]).catch((error: unknown) => {
            void placing.catch(() => undefined).finally(() => own.dispose());
            throw error;
          });
          pins.use(own);
          Object.assign(paths, found);
          return undefined;
        } catch (error) {
          return { shard: entry.id, error: serializeError(asMosaicError(error, "fetch shard")) };
        }
      }),
    );
    cancel();
    return { paths, failed: failures.filter((failure) => failure !== undefined) };
  }

  async #place(target: ShardTarget, pins: DisposableStack): Promise<LocalPaths> {
    const { file } = target.entry;
    const paths: Record<string, LocalPlace> = {};
    const opening = this.#files.open(file, pins).then((place) => {
      paths[file.key] = place;
    });
    const pinning = besides(target).map(async (ref) => {
      paths[ref.key] = pins.use(await this.#objects.pin(ref)).path;
    });
    // All are waited for, so that nothing is pinned after the others were released.
    const outcomes = await Promise.allSettled([opening, ...pinning]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    return paths;
  }

  #leftMs(untilMs: number): number {
    return Math.max(1, untilMs - this.#clock.monotonicMs());
  }

  #split(request: LeafRequest, lost: ReadonlySet<string>): readonly Group[] {
    const threadOf = request.shards.map(({ entry }) =>
      lost.has(entry.id) ? -1 : this.#runner.threadOf(entry.file.key, entry.documents),
    );
    const threads = [...new Set(threadOf)].filter((thread) => thread >= 0);
    return threads.map((thread) => [thread, partOf(request, (shard) => threadOf[shard] === thread)] as const);
  }
}

/** The small objects beside a shard's file that are read whole. */
const besides = ({ entry: { deletes }, ranks }: ShardTarget): readonly ObjectRef[] => [
  ...(deletes === null ? [] : [deletes]),
  ...(ranks === undefined ? [] : [ranks]),
];

/** The same request for those shards only that `wanted` picks. */
export function partOf(request: LeafRequest, wanted: (shard: number) => boolean): LeafRequest {
  if (request.shards.every((_target, shard) => wanted(shard))) return request;
  if (request.kind !== "vector") return someShards(request, wanted);
  const gone = -1;
  let kept = 0;
  const place = request.shards.map((_target, shard) => (wanted(shard) ? kept++ : gone));
  const { shard, cell, dot } = request.visits;
  const positions = new Uint32Array(shard.length);
  let count = 0;
  for (let at = 0; at < shard.length; at++) if (place[shard[at] as number] !== gone) positions[count++] = at;
  const these = positions.subarray(0, count);
  const renumbered = picked(shard, these).map((from) => place[from] as number);
  const visits: CellVisits = { shard: renumbered, cell: picked(cell, these), dot: picked(dot, these) };
  return { ...request, shards: request.shards.filter((_target, at) => wanted(at)), visits };
}

/** TypeScript can't see that a kind's shards stay of that kind. */
function someShards<Request extends Exclude<LeafRequest, { kind: "vector" }>>(
  request: Request,
  wanted: (shard: number) => boolean,
): Request {
  return { ...request, shards: request.shards.filter((_target: ShardTarget, shard: number) => wanted(shard)) };
}

/** The reply without the failures of shards that are asked again. */
function without(reply: LeafReply, again: LeafRequest): LeafReply {
  const asked = new Set<string>(again.shards.map(({ entry }) => entry.id));
  return { ...reply, failed: reply.failed.filter(({ shard }) => !asked.has(shard)) };
}

/** What one thread is asked. */
type Group = readonly [thread: number, request: LeafRequest];

/** A pass that found parts missing did work all the same; but its counts are those of the pass that answers. */
function withoutUnfinished({ missing = [], ...reply }: LeafReply): LeafReply {
  if (missing.length === 0) return reply;
  return { hits: [], rows: [], failed: [], work: { ...noWork, computeMs: reply.work.computeMs } };
}

/** The groups that must be asked again, without the shards whose parts can't be had. */
function unfinished(
  groups: readonly Group[],
  replies: readonly LeafReply[],
  failed: readonly LeafFailure[],
): readonly Group[] {
  const lost = new Set<string>(failed.map(({ shard }) => shard));
  return groups.flatMap(([thread, request], at) => {
    if ((replies[at]?.missing ?? []).length === 0) return [];
    const part = partOf(request, (shard) => !lost.has((request.shards[shard] as ShardTarget).entry.id));
    return part.shards.length === 0 ? [] : [[thread, part] as const];
  });
}

function unkept(groups: readonly Group[]): LeafReply {
  const error = new MosaicError("unavailable", "search shards", {
    code: "shard_unavailable",
    detail: "Parts of a shard file can't be kept here; its documents are missing from this answer.",
    hint: "look at the disk of CACHE_PATH",
  });
  return groups.map(([, part]) => allFailed(part, error)).reduce(mergeReplies);
}

const tooLate = (): MosaicError =>
  new MosaicError("timeout", "fetch shard", {
    code: "shard_timeout",
    detail: "Parts of a shard did not arrive in time; its documents are missing from this answer.",
  });
