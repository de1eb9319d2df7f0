import { MosaicError, serializeError } from "../../base/index.ts";
import type { LeafFailure, LeafReply } from "../leaf-request.ts";
import { toWire } from "./wire.ts";

/** The lists of a reply, of which a request fills one. */
const lists = ["hits", "rows", "dead", "features", "columns"] as const;

/**
 * The items of a reply from `from` on, as many as fit into `mostBytes` of JSON. A leaf's files never change, so that a call
 * that asks for the rest, in whichever environment, gets the rest of the same answer, if the same shards answered. An item
 * that fits into no answer costs its shard.
 */
export function partOfReply(
  reply: LeafReply,
  from: number,
  mostBytes: number,
): { readonly reply: LeafReply; readonly next?: number } {
  const list = lists.find((name) => (reply[name]?.length ?? 0) > 0);
  if (list === undefined) return { reply };
  const items: readonly { readonly shard?: string; readonly place?: { readonly shard: string } }[] = reply[list] ?? [];
  const kept: object[] = [];
  const failed: LeafFailure[] = [];
  let at = from;
  for (let bytes = 0; at < items.length; at++) {
    const item = items[at] as (typeof items)[number];
    const size = Buffer.byteLength(toWire(item)) + 1;
    if (size > mostBytes) failed.push(tooLarge(item.shard ?? item.place?.shard ?? ""));
    else if (bytes + size > mostBytes) break;
    else {
      kept.push(item);
      bytes += size;
    }
  }
  const part = { ...reply, [list]: kept, failed: from === 0 ? [...reply.failed, ...failed] : failed };
  return at < items.length ? { reply: part, next: at } : { reply: part };
}

const tooLarge = (shard: string): LeafFailure => ({
  shard,
  error: serializeError(
    new MosaicError("too_large", "answer a leaf request", {
      code: "document_too_large",
      detail: "A document of this shard is larger than a function can answer; ask without text and metadata.",
    }),
  ),
});
