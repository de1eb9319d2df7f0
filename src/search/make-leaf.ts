import { systemClock } from "../base/index.ts";
import { Kernel, VerifiedFiles } from "../shard/index.ts";
import { Leaf } from "./leaf.ts";
import { OpenShards } from "./open-shards.ts";

/** What a leaf may use, as plain data, so that it reaches a thread. */
export interface LeafLimits {
  readonly codesMaxBytes: number;
  readonly openShards: number;
  readonly shardIdleMs: number;
  readonly mmapMaxBytes: number;
  readonly verifiedFolder: string;
}

/** A leaf with a kernel and open shards of its own. */
export function makeLeaf({ codesMaxBytes, openShards, shardIdleMs, mmapMaxBytes, verifiedFolder }: LeafLimits): Leaf {
  const kernel = Kernel.load({ maxBytes: codesMaxBytes });
  const verified = new VerifiedFiles(verifiedFolder);
  const shards = new OpenShards({ max: openShards, idleMs: shardIdleMs, mmapMaxBytes, kernel, verified });
  return new Leaf({ kernel, shards, clock: systemClock });
}
