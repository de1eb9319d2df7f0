import { systemClock } from "../base/index.ts";
import { Kernel, VerifiedFiles } from "../shard/index.ts";
import type { FileNotice } from "./held-files.ts";
import { Leaf } from "./leaf.ts";
import { OpenShards } from "./open-shards.ts";

/** What a leaf may use, as plain data, so that it reaches a thread. */
export interface LeafLimits {
  readonly codesMaxBytes: number;
  readonly openShards: number;
  readonly shardIdleMs: number;
  readonly mmapMaxBytes: number;
  readonly postingsMaxBytes: number;
  readonly verifiedFolder: string;
}

/** A leaf with a kernel and open shards of its own. `onFile` is told of every local file that it opens or closes. */
export function makeLeaf(limits: LeafLimits, onFile: (notice: FileNotice) => void): Leaf {
  const { codesMaxBytes, openShards, shardIdleMs, mmapMaxBytes, postingsMaxBytes, verifiedFolder } = limits;
  const kernel = Kernel.load({ maxBytes: codesMaxBytes });
  const verified = new VerifiedFiles(verifiedFolder);
  const bounds = { max: openShards, idleMs: shardIdleMs, mmapMaxBytes, postingsMaxBytes };
  const shards = new OpenShards({ ...bounds, kernel, verified, onFile });
  return new Leaf({ kernel, shards, clock: systemClock });
}
