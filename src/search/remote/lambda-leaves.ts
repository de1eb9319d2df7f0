import { LRUCache } from "lru-cache";
import type { Clock, Random } from "../../base/index.ts";
import type { ObjectRef } from "../../manifest/index.ts";
import type { EncodedLayout } from "../../shard/index.ts";
import { mergeReplies, nothingFound } from "../leaf-replies.ts";
import type { LeafReply, LeafRequest, ShardTarget } from "../leaf-request.ts";
import type { LeafTransport } from "../leaves.ts";
import { type FanOutLimits, fanOut } from "./fan-out.ts";
import type { Invoker } from "./invoker.ts";
import type { LeafCall } from "./leaf-call.ts";
import { LeafCaller } from "./leaf-caller.ts";
import { Parallelism } from "./parallelism.ts";

export interface LambdaLeavesParts extends FanOutLimits {
  readonly invoker: Invoker;
  /** Leaves of this process, for what is answered here. */
  readonly local: LeafTransport;
  /** True when the file is here whole. */
  readonly isHere: (file: ObjectRef) => Promise<boolean>;
  readonly clock: Clock;
  readonly random: Random;
  /** A call that takes longer is made a second time; 0: none is. */
  readonly leafHedgeMs: number;
}

/** Layouts that are remembered for leaves that ask. */
const rememberedLayouts = 10_000;
/** Leaves and files of which it is remembered that the one was told of the other. */
const rememberedTold = 100_000;
/** Of layouts that go along with a call unasked; who needs more asks for it. A file of 256 MiB has 64 KB. */
const mostUnaskedBytes = 1024 * 1024;
/** Calls of one environment at once: more would not leave through one processor any faster. */
const mostCalls = 128;

/** Leaves here and in functions elsewhere: the root's half of a fan-out. */
export class LambdaLeaves implements LeafTransport {
  readonly #parts: LambdaLeavesParts;
  readonly #parallelism = new Parallelism(mostCalls);
  readonly #layouts = new LRUCache<string, EncodedLayout>({ max: rememberedLayouts });
  readonly #told = new LRUCache<string, true>({ max: rememberedTold });

  constructor(parts: LambdaLeavesParts) {
    this.#parts = parts;
  }

  /** Tells where things lie in a shard's file: leaves ask for it. */
  note(fileKey: string, layout: EncodedLayout): void {
    this.#layouts.set(fileKey, layout);
  }

  async ask(request: LeafRequest, timeoutMs: number): Promise<LeafReply> {
    const { local, clock, leafHedgeMs } = this.#parts;
    const untilMs = clock.monotonicMs() + timeoutMs;
    const here = await this.#here(request);
    const { here: own, away } = fanOut(request, ({ entry }) => here.has(entry.file.key), this.#parts);
    const layoutOf = (key: string): EncodedLayout | undefined => this.#layouts.get(key);
    const newsFor = (leaf: number, keys: readonly string[]): LeafCall["layouts"] => this.#newsFor(leaf, keys);
    const parts = { ...this.#parts, parallelism: this.#parallelism, layoutOf, newsFor, hedgeMs: leafHedgeMs };
    const caller = new LeafCaller(parts, untilMs);
    // Calls first: what is answered here keeps this thread busy.
    const asked = [...away].map(([leaf, part]) => caller.ask(leaf, part));
    const replies = await Promise.all(own === undefined ? asked : [...asked, local.ask(own, timeoutMs)]);
    return replies.reduce(mergeReplies, nothingFound);
  }

  /**
   * Layouts that this process has not told the leaf of before. A root is new as often as its leaves are, and then a leaf
   * that had to ask would cost a second call; later the leaf has them, and they would be sent for nothing.
   */
  #newsFor(leaf: number, keys: readonly string[]): LeafCall["layouts"] {
    const news: Record<string, EncodedLayout> = {};
    let bytes = 0;
    for (const key of keys) {
      const layout = this.#layouts.get(key);
      const name = `${leaf} ${key}`;
      if (layout === undefined || this.#told.has(name)) continue;
      bytes += layout.places.length + layout.checks.length;
      if (bytes > mostUnaskedBytes) break;
      news[key] = layout;
      this.#told.set(name, true);
    }
    return news;
  }

  async #here({ shards }: LeafRequest): Promise<ReadonlySet<string>> {
    const { isHere } = this.#parts;
    const targets: readonly ShardTarget[] = shards;
    const found = await Promise.all(
      targets.map(async ({ entry: { file } }) => ((await isHere(file)) ? [file.key] : [])),
    );
    return new Set(found.flat());
  }
}
