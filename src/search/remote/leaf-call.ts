import type { EncodedLayout } from "../../shard/index.ts";
import type { LeafReply, LeafRequest } from "../leaf-request.ts";

/** What a root sends to a leaf function: a request for its shards, frozen, as `toWire` writes it. */
export interface LeafCall {
  readonly format: 1;
  readonly request: LeafRequest;
  /** Where things lie in shard files, by key, of those that the leaf may not know. */
  readonly layouts: Readonly<Record<string, EncodedLayout>>;
  /** There are no others: a file without a layout is to be fetched whole. */
  readonly allLayouts: boolean;
  readonly timeoutMs: number;
  /** Items of the answer that an earlier call has brought. */
  readonly from: number;
  /** The answer's text has at most so many bytes. */
  readonly mostBytes: number;
}

/** What the leaf's work cost. */
export interface LeafBill {
  readonly getRequests: number;
  readonly putRequests: number;
  readonly listRequests: number;
  readonly bytesFetched: number;
  /** Of these, what was read in colder classes of storage, by class. A leaf that is older than its root says none. */
  readonly cold?: Readonly<Record<string, { readonly requests: number; readonly bytes: number }>>;
  readonly cacheHits: number;
  readonly gbSeconds: number;
}

export interface LeafAnswer {
  readonly reply: LeafReply;
  readonly bill: LeafBill;
  /** Shard files (keys) whose layouts the leaf needs before it can read them by range: nothing was answered. */
  readonly unknown: readonly string[];
  /** Shards that failed, whichever part of the answer this is. A leaf that is older than its root does not say. */
  readonly lost?: readonly string[];
  /** Items that were left out because the answer would have been too large: ask again from here. */
  readonly next?: number;
}
