import { isDeepStrictEqual } from "node:util";
import { type Clock, MosaicError, type Random } from "../../base/index.ts";
import type { EncodedLayout } from "../../shard/index.ts";
import { addCold, currentReceipt } from "../../telemetry/index.ts";
import { allFailed, mergeReplies, nothingFound } from "../leaf-replies.ts";
import type { LeafReply, LeafRequest } from "../leaf-request.ts";
import { type LeafTransport, partOf } from "../leaves.ts";
import type { InvokeOutcome, Invoker } from "./invoker.ts";
import type { LeafAnswer, LeafBill, LeafCall } from "./leaf-call.ts";
import type { Parallelism } from "./parallelism.ts";
import { fromWire, toWire } from "./wire.ts";

export interface LeafCallerParts {
  readonly invoker: Invoker;
  readonly parallelism: Parallelism;
  /** Answers what no function can be had for. */
  readonly local: LeafTransport;
  readonly layoutOf: (fileKey: string) => EncodedLayout | undefined;
  /** Layouts of these files that the leaf function may not have been told of. */
  readonly newsFor: (leaf: number, fileKeys: readonly string[]) => LeafCall["layouts"];
  readonly clock: Clock;
  readonly random: Random;
  /** A call that has not been answered for so long is made a second time, once. */
  readonly hedgeMs: number;
}

/** What Lambda takes, and what it gives: 6 MB, with something to spare. */
const mostBytes = 6 * 1024 * 1024 - 64 * 1024;
/** A call that was refused so often is not made: what it asks is answered here. */
const mostRefusals = 6;
const firstWaitMs = 25;
/** Nobody waits for its answer any more. */
const notMade: InvokeOutcome = { kind: "failed", reason: "the time of its query was over" };

/** One query's calls of leaf functions: each group of shards to its function, and again where that did not work. */
export class LeafCaller {
  readonly #parts: LeafCallerParts;
  readonly #untilMs: number;

  constructor(parts: LeafCallerParts, untilMs: number) {
    this.#parts = parts;
    this.#untilMs = untilMs;
  }

  /** The answer of one function for its shards. A call that fails is made once more, for each half of them. */
  async ask(leaf: number, request: LeafRequest): Promise<LeafReply> {
    const first = await this.#withinTime(this.#answer(leaf, request));
    if (typeof first !== "string") return first;
    if (first === "late" || this.#isLate()) return allFailed(request, late());
    const again = halves(request).map(async (half) => {
      const second = await this.#withinTime(this.#answer(leaf, half));
      if (typeof second !== "string") return second;
      return allFailed(half, second === "late" || this.#isLate() ? late() : lost());
    });
    return (await Promise.all(again)).reduce(mergeReplies, nothingFound);
  }

  /** All of the answer, in as many calls as it takes. Parts of which other shards failed are parts of different answers. */
  async #answer(leaf: number, request: LeafRequest): Promise<LeafReply | "failed"> {
    let whole = nothingFound;
    let allLayouts = false;
    const files = request.shards.map(({ entry }) => entry.file.key);
    let layouts = this.#parts.newsFor(leaf, files);
    let lostAtFirst: readonly string[] | undefined;
    for (let from: number | undefined = 0; from !== undefined; ) {
      const call: LeafCall = { format: 1, request, layouts, allLayouts, timeoutMs: this.#leftMs(), from, mostBytes };
      const text = toWire(call);
      if (Buffer.byteLength(text) > mostBytes) return await this.#inParts(leaf, request);
      const outcome = await this.#call(leaf, text);
      if (outcome.kind === "failed" || (outcome.kind === "throttled" && this.#isLate())) return "failed";
      if (outcome.kind === "throttled") return await this.#parts.local.ask(request, this.#leftMs());
      const { reply, bill, unknown, lost, next } = fromWire(outcome.text) as LeafAnswer;
      charge(bill, reply.work.computeMs);
      if (unknown.length > 0) {
        layouts = this.#layoutsOf(unknown);
        allLayouts = true;
        continue;
      }
      lostAtFirst ??= lost;
      if (!isDeepStrictEqual(lost, lostAtFirst)) return "failed";
      whole = mergeReplies(whole, reply);
      from = next;
    }
    return whole;
  }

  /** A request that is too large for one call, shard by shard; of one shard, here. */
  async #inParts(leaf: number, request: LeafRequest): Promise<LeafReply | "failed"> {
    if (request.shards.length === 1) return await this.#parts.local.ask(request, this.#leftMs());
    const replies = await Promise.all(halves(request).map((half) => this.#answer(leaf, half)));
    return replies.includes("failed") ? "failed" : (replies as LeafReply[]).reduce(mergeReplies);
  }

  /** One call, when there is room for it in time: waits and tries again while the function is refused. */
  async #call(leaf: number, text: string): Promise<InvokeOutcome> {
    const { parallelism, clock, random } = this.#parts;
    for (let refusals = 0; ; refusals++) {
      const outcome = await parallelism.run(async () => {
        if (this.#isLate()) return notMade;
        const ended = await this.#hedged(leaf, text);
        if (ended.kind === "throttled") parallelism.refused();
        else parallelism.answered();
        return ended;
      });
      if (outcome.kind !== "throttled" || refusals === mostRefusals) return outcome;
      const waitMs = firstWaitMs * 2 ** refusals * (0.5 + random.next());
      if (waitMs > this.#leftMs()) return outcome;
      await clock.sleep(waitMs);
    }
  }

  /** The first good answer of two, the second of which is asked for when the first takes long. */
  async #hedged(leaf: number, text: string): Promise<InvokeOutcome> {
    const { clock, hedgeMs } = this.#parts;
    const first = this.#invoke(leaf, text);
    if (hedgeMs === 0) return await first;
    const enough = new AbortController();
    const waiting = clock.sleep(hedgeMs, enough.signal).catch(() => undefined);
    const early = await Promise.race([first, waiting]);
    enough.abort();
    if (early !== undefined) return early;
    if (this.#isLate()) return await first;
    const second = this.#invoke(leaf, text);
    const earlier = await Promise.race([first, second]);
    if (earlier.kind === "answer") return earlier;
    const outcomes = await Promise.all([first, second]);
    return outcomes.find(({ kind }) => kind === "answer") ?? outcomes[0];
  }

  async #invoke(leaf: number, text: string): Promise<InvokeOutcome> {
    const receipt = currentReceipt();
    if (receipt !== undefined) receipt.invocations++;
    const outcome = await this.#parts.invoker.invoke(leaf, text);
    // What was not run is not billed.
    if (receipt !== undefined && outcome.kind === "throttled") receipt.invocations--;
    return outcome;
  }

  async #withinTime<T>(answer: Promise<T>): Promise<T | "late"> {
    const { clock } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<"late">();
    const cancel = clock.schedule(this.#leftMs(), () => resolve("late"));
    try {
      return await Promise.race([answer, promise]);
    } finally {
      cancel();
    }
  }

  #layoutsOf(keys: readonly string[]): LeafCall["layouts"] {
    const found: Record<string, EncodedLayout> = {};
    for (const key of keys) {
      const layout = this.#parts.layoutOf(key);
      if (layout !== undefined) found[key] = layout;
    }
    return found;
  }

  #isLate(): boolean {
    return this.#parts.clock.monotonicMs() >= this.#untilMs;
  }

  #leftMs(): number {
    return Math.max(1, this.#untilMs - this.#parts.clock.monotonicMs());
  }
}

function halves(request: LeafRequest): readonly LeafRequest[] {
  const middle = Math.ceil(request.shards.length / 2);
  const parts = [partOf(request, (shard) => shard < middle), partOf(request, (shard) => shard >= middle)];
  return parts.filter(({ shards }) => shards.length > 0);
}

/** Puts what a leaf spent on the query's receipt. */
function charge(bill: LeafBill, computeMs: number): void {
  const receipt = currentReceipt();
  if (receipt === undefined) return;
  receipt.getRequests += bill.getRequests;
  receipt.putRequests += bill.putRequests;
  receipt.listRequests += bill.listRequests;
  receipt.bytesFetched += bill.bytesFetched;
  addCold(receipt, bill.cold ?? {});
  receipt.cacheHits += bill.cacheHits;
  receipt.functionGbSeconds += bill.gbSeconds;
  receipt.computeMs += computeMs;
  receipt.functionComputeMs += computeMs;
}

const late = (): MosaicError =>
  new MosaicError("timeout", "ask leaf functions", {
    code: "shard_timeout",
    detail: "The function that has this shard did not answer in time; its documents are missing from this answer.",
  });

const lost = (): MosaicError =>
  new MosaicError("unavailable", "ask leaf functions", {
    code: "leaf_failed",
    detail:
      "The function that has this shard ended twice without an answer; its documents are missing from this answer.",
    hint: "the log of the leaf function says why: out of memory, out of time, or a fault",
    retryAfterMs: 1000,
  });
