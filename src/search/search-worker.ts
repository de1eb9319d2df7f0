import { workerData } from "node:worker_threads";
import { notice, serveJobs } from "../base/index.ts";
import type { FileNotice } from "./held-files.ts";
import type { LeafRequest } from "./leaf-request.ts";
import { type LeafLimits, makeLeaf } from "./make-leaf.ts";
import type { LocalPaths } from "./open-shards.ts";

/** Entry of a search thread: answers one leaf request after the other. */
export interface LeafJob {
  readonly request: LeafRequest;
  readonly paths: LocalPaths;
}

const leaf = makeLeaf(workerData as LeafLimits, (file: FileNotice) => notice(file));
serveJobs(
  ({ request, paths }: LeafJob) => leaf.answer(request, paths),
  (path: string) => leaf.letGo(path),
  () => leaf.close(),
);
