import type { Clock } from "../base/index.ts";
import type { Kernel } from "../shard/index.ts";
import { columnsOfShards } from "./leaf-columns.ts";
import type { LeafReply, LeafRequest } from "./leaf-request.ts";
import { featuresOfRows, rowsOfIds } from "./leaf-rows.ts";
import { LeafRun } from "./leaf-run.ts";
import { bestRows, deadTermsOf } from "./leaf-text.ts";
import { nearestRows } from "./leaf-vectors.ts";
import type { LocalPaths, OpenShards } from "./open-shards.ts";

/**
 * Answers leaf requests over local shard files, or the parts of them that are here. Synchronous: one request at a time, in a thread of its own or, for a
 * function that has nothing else to do, inline. A shard that fails is left out and named; the others still answer.
 */
export class Leaf {
  readonly #kernel: Kernel;
  readonly #shards: OpenShards;
  readonly #clock: Clock;

  constructor(parts: { readonly kernel: Kernel; readonly shards: OpenShards; readonly clock: Clock }) {
    this.#kernel = parts.kernel;
    this.#shards = parts.shards;
    this.#clock = parts.clock;
  }

  close(): void {
    this.#shards.close();
  }

  /** Closes a local file, so that it can be removed. */
  letGo(path: string): void {
    this.#shards.letGo(path);
  }

  answer(request: LeafRequest, paths: LocalPaths): LeafReply {
    const startedMs = this.#clock.monotonicMs();
    const run = new LeafRun(request.shards, paths, this.#shards, this.#kernel);
    const found = answerOf(run, request);
    const computeMs = this.#clock.monotonicMs() - startedMs;
    return {
      hits: [],
      rows: [],
      ...found,
      failed: run.failures(),
      work: { ...run.work, computeMs },
      missing: run.missing(),
    };
  }
}

function answerOf(run: LeafRun, request: LeafRequest): Partial<LeafReply> {
  switch (request.kind) {
    case "vector":
      return { hits: nearestRows(run, request) };
    case "lookup":
      return { rows: rowsOfIds(run, request) };
    case "text":
      return { hits: bestRows(run, request) };
    case "dead terms":
      return { dead: deadTermsOf(run, request) };
    case "columns":
      return { columns: columnsOfShards(run, request) };
    case "features":
      return { features: featuresOfRows(run, request) };
  }
}
