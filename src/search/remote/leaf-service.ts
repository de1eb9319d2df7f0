import { type Clock, waitAtMost } from "../../base/index.ts";
import type { PartialObjects } from "../../shard/index.ts";
import { emptyReceipt, type Receipt, withReceipt } from "../../telemetry/index.ts";
import { nothingFound } from "../leaf-replies.ts";
import type { LeafTransport } from "../leaves.ts";
import { partOfReply } from "./answer-parts.ts";
import type { LeafAnswer, LeafBill, LeafCall } from "./leaf-call.ts";
import { packed, unpacked } from "./wire.ts";

export interface LeafServiceParts {
  readonly leaves: LeafTransport;
  readonly files: PartialObjects;
  readonly clock: Clock;
  readonly memoryMb: number;
}

/** Of the time that a call has: an answer waits no longer than this for a file that is being fetched whole. */
const shareForFiles = 0.5;

/** The other end of `LambdaLeaves`: answers calls with the leaves of this process. */
export class LeafService {
  readonly #parts: LeafServiceParts;

  constructor(parts: LeafServiceParts) {
    this.#parts = parts;
  }

  /** Takes and gives what `packed` makes of a LeafCall and a LeafAnswer. */
  async answer(packedCall: unknown): Promise<unknown> {
    const { clock, files, leaves, memoryMb } = this.#parts;
    const startedMs = clock.monotonicMs();
    const call = unpacked(packedCall) as LeafCall;
    for (const [key, layout] of Object.entries(call.layouts)) files.note(key, layout);
    const unknown = call.allLayouts ? [] : await this.#unknown(call);
    const receipt = emptyReceipt();
    const reply =
      unknown.length > 0 ? nothingFound : await withReceipt(receipt, () => leaves.ask(call.request, call.timeoutMs));
    // After the answer this process stands still. A file that takes longer is tried again by the next call that needs it.
    const leftMs = call.timeoutMs * shareForFiles - (clock.monotonicMs() - startedMs);
    if (leftMs > 0) await waitAtMost(clock, leftMs, files.settled());
    const ms = Math.ceil(clock.monotonicMs() - startedMs);
    const bill = billOf(receipt, (ms / 1000) * (memoryMb / 1024));
    const part = partOfReply(reply, call.from, call.mostBytes - spareBytes);
    const lost = [...new Set(reply.failed.map(({ shard }) => shard))].sort();
    return packed({ ...part, bill, unknown, lost } satisfies LeafAnswer);
  }

  /** Files that can't be read by range until the root says where things lie in them. */
  async #unknown({ request }: LeafCall): Promise<readonly string[]> {
    const files = request.shards.map(({ entry }) => entry.file);
    const known = await Promise.all(files.map((file) => this.#parts.files.isReadable(file)));
    return files.filter((_file, at) => !known[at]).map(({ key }) => key);
  }
}

/** What surrounds the items of an answer. */
const spareBytes = 128 * 1024;

const billOf = (
  { getRequests, putRequests, listRequests, bytesFetched, cold, cacheHits }: Receipt,
  gbSeconds: number,
): LeafBill => ({ getRequests, putRequests, listRequests, bytesFetched, cold, cacheHits, gbSeconds });
