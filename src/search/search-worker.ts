import { workerData } from "node:worker_threads";
import { serveJobs, systemClock } from "../base/index.ts";
import { Kernel, VerifiedFiles } from "../shard/index.ts";
import { Leaf } from "./leaf.ts";
import type { LeafRequest } from "./leaf-request.ts";
import { type LocalPaths, OpenShards } from "./open-shards.ts";

/** Entry of a search thread: answers one leaf request after the other. */
export interface SearchWorkerData {
  readonly codesMaxBytes: number;
  readonly openShards: number;
  readonly shardIdleMs: number;
  readonly mmapMaxBytes: number;
  readonly verifiedFolder: string;
}
export interface LeafJob {
  readonly request: LeafRequest;
  readonly paths: LocalPaths;
}

const { codesMaxBytes, openShards, shardIdleMs, mmapMaxBytes, verifiedFolder } = workerData as SearchWorkerData;
const kernel = Kernel.load({ maxBytes: codesMaxBytes });
const shards = new OpenShards({
  max: openShards,
  idleMs: shardIdleMs,
  mmapMaxBytes,
  kernel,
  verified: new VerifiedFiles(verifiedFolder),
});
const leaf = new Leaf({ kernel, shards, clock: systemClock });

serveJobs(({ request, paths }: LeafJob) => leaf.answer(request, paths));
