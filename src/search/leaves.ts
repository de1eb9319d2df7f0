import { asMosaicError, isMosaicError, serializeError } from "../base/index.ts";
import type { ObjectRef } from "../manifest/index.ts";
import { type CellVisits, picked } from "../selection/index.ts";
import type { LocalObjects } from "../shard/index.ts";
import {
  addWork,
  type LeafFailure,
  type LeafReply,
  type LeafRequest,
  noWork,
  type ShardTarget,
} from "./leaf-request.ts";
import type { LocalPaths } from "./open-shards.ts";
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

/** Leaves in this process, over local files that are fetched first where the store is far away. */
export class LocalLeaves implements LeafTransport {
  readonly #runner: LeafRunner;
  readonly #objects: LocalObjects;
  readonly #health: ShardHealth;

  constructor(runner: LeafRunner, objects: LocalObjects, health: ShardHealth) {
    this.#runner = runner;
    this.#objects = objects;
    this.#health = health;
  }

  async ask(request: LeafRequest, timeoutMs: number): Promise<LeafReply> {
    const reply = await this.#once(request, timeoutMs);
    const again = await this.#withFreshCopies(request, reply);
    const whole = again === undefined ? reply : mergeReplies(without(reply, again), await this.#once(again, timeoutMs));
    this.#health.note(
      request.shards.map(({ entry }) => entry.id),
      whole.failed,
    );
    return whole;
  }

  async #once(request: LeafRequest, timeoutMs: number): Promise<LeafReply> {
    using pins = new DisposableStack();
    const { paths, failed } = await this.#fetch(request.shards, pins);
    const lost = new Set(failed.map(({ shard }) => shard));
    const groups = this.#split(request, lost);
    const replies = await Promise.all(
      groups.map(([thread, part]) =>
        this.#runner.ask(thread, part, paths, timeoutMs).catch((error: unknown) => allFailed(part, error)),
      ),
    );
    return replies.reduce(mergeReplies, { hits: [], rows: [], failed, work: noWork });
  }

  /** The part of the request whose local copies were damaged; they are dropped, so that asking again fetches them anew. */
  async #withFreshCopies(request: LeafRequest, { failed }: LeafReply): Promise<LeafRequest | undefined> {
    const damaged = new Set(failed.filter(({ error }) => error.kind === "data").map(({ shard }) => shard));
    const dropped = new Set<string>();
    for (const { entry } of request.shards.filter((target) => damaged.has(target.entry.id))) {
      const refs = entry.deletes === null ? [entry.file] : [entry.file, entry.deletes];
      for (const ref of refs) if (await this.#objects.drop(ref)) dropped.add(entry.id);
    }
    if (dropped.size === 0) return undefined;
    return partOf(request, (shard) => dropped.has((request.shards[shard] as ShardTarget).entry.id));
  }

  /** Local files of everything the shards need, added to `pins`; a shard whose files can't be had is failed here. */
  async #fetch(
    shards: readonly ShardTarget[],
    pins: DisposableStack,
  ): Promise<{ paths: LocalPaths; failed: readonly LeafFailure[] }> {
    const paths: Record<string, string> = {};
    const failures = await Promise.all(
      shards.map(async ({ entry }) => {
        const refs: readonly ObjectRef[] = entry.deletes === null ? [entry.file] : [entry.file, entry.deletes];
        try {
          this.#health.refuse(entry.id);
          for (const ref of refs) paths[ref.key] = pins.use(await this.#objects.pin(ref)).path;
          return undefined;
        } catch (error) {
          return { shard: entry.id, error: serializeError(asMosaicError(error, "fetch shard")) };
        }
      }),
    );
    return { paths, failed: failures.filter((failure) => failure !== undefined) };
  }

  #split(request: LeafRequest, lost: ReadonlySet<string>): readonly (readonly [number, LeafRequest])[] {
    const threadOf = request.shards.map(({ entry }) =>
      lost.has(entry.id) ? -1 : this.#runner.threadOf(entry.file.key, entry.documents),
    );
    const threads = [...new Set(threadOf)].filter((thread) => thread >= 0);
    return threads.map((thread) => [thread, partOf(request, (shard) => threadOf[shard] === thread)] as const);
  }
}

/** The same request for those shards only that `wanted` picks. */
export function partOf(request: LeafRequest, wanted: (shard: number) => boolean): LeafRequest {
  if (request.shards.every((_target, shard) => wanted(shard))) return request;
  if (request.kind === "lookup")
    return { ...request, shards: request.shards.filter((_target, shard) => wanted(shard)) };
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

/** The reply without the failures of shards that are asked again. */
function without(reply: LeafReply, again: LeafRequest): LeafReply {
  const asked = new Set<string>(again.shards.map(({ entry }) => entry.id));
  return { ...reply, failed: reply.failed.filter(({ shard }) => !asked.has(shard)) };
}

function allFailed(part: LeafRequest, error: unknown): LeafReply {
  const serialized = serializeError(isMosaicError(error) ? error : asMosaicError(error, "search shards"));
  return {
    hits: [],
    rows: [],
    failed: part.shards.map(({ entry }) => ({ shard: entry.id, error: serialized })),
    work: noWork,
  };
}

const mergeReplies = (a: LeafReply, b: LeafReply): LeafReply => ({
  hits: [...a.hits, ...b.hits],
  rows: [...a.rows, ...b.rows],
  failed: [...a.failed, ...b.failed],
  work: addWork(a.work, b.work),
});
