import { cellRows } from "../../shard/index.ts";
import type { LeafRequest, ShardTarget } from "../leaf-request.ts";
import { partOf } from "../leaves.ts";
import { leafOf } from "./leaf-of.ts";

export interface FanOutLimits {
  /** 0: everything is answered here. */
  readonly leafFunctions: number;
  /** Fewer shards that are not here than this are read from here: one function takes no longer than it takes to call it. */
  readonly fanOutShards: number;
  /** Rows that are scored here; what goes beyond is work for others. */
  readonly fanOutRows: number;
  /** Files so small are fetched whole, in one round. */
  readonly wholeFileBelow: number;
}

export interface FanOut {
  readonly here: LeafRequest | undefined;
  /** By leaf function. */
  readonly away: ReadonlyMap<number, LeafRequest>;
}

/**
 * What the root answers itself, and what it asks leaf functions. A shard whose file is here costs no request and no
 * function; a small one is one request, as cheap as a call. Of the others a few are read from here, by range: they come in
 * parallel, in the same two rounds that a leaf would need. Many are fanned out, so that each function reads and scores its
 * own, and finds them on its disk the next time.
 */
export function fanOut(request: LeafRequest, isHere: (shard: ShardTarget) => boolean, limits: FanOutLimits): FanOut {
  const { leafFunctions, fanOutShards, fanOutRows, wholeFileBelow } = limits;
  // Columns stay with who asks for them: a leaf would only hand the bytes on.
  if (leafFunctions === 0 || request.kind === "columns") return { here: request, away: new Map() };
  const near = request.shards.map((target) => isHere(target) || target.entry.file.sizeBytes <= wholeFileBelow);
  const far = near.filter((each) => !each).length;
  const rows = rowsOf(request);
  let scored = 0;
  const stays = near.map((each, shard) => {
    if (!each && far >= fanOutShards) return false;
    scored += rows[shard] as number;
    return scored <= fanOutRows || scored === rows[shard];
  });
  const leaves = request.shards.map(({ entry }, shard) => (stays[shard] ? undefined : leafOf(entry.id, leafFunctions)));
  const asked = [...new Set(leaves)].filter((leaf) => leaf !== undefined);
  return {
    here: stays.includes(true) ? partOf(request, (shard) => leaves[shard] === undefined) : undefined,
    away: new Map(asked.map((leaf) => [leaf, partOf(request, (shard) => leaves[shard] === leaf)])),
  };
}

/** Rows that a request may score in each of its shards. */
function rowsOf(request: Exclude<LeafRequest, { kind: "columns" }>): readonly number[] {
  switch (request.kind) {
    case "vector": {
      if (request.mode === "exact") return request.shards.map(({ entry }) => entry.vectors);
      const rows = request.shards.map(() => 0);
      for (const shard of request.visits.shard) rows[shard] = (rows[shard] ?? 0) + cellRows;
      return rows;
    }
    case "text":
    case "dead terms":
      return request.shards.map(({ entry }) => entry.documents);
    case "lookup":
      return request.shards.map(({ ids }) => ids.length);
    case "features":
      return request.shards.map(({ rows }) => rows.length);
  }
}
