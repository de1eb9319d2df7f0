import { workerData } from "node:worker_threads";
import { serveJobs } from "../base/index.ts";
import { Kernel, VerifiedFiles } from "../shard/index.ts";
import { type BuildJob, type BuildResult, runBuild } from "./build-job.ts";

/** What the builder thread is given when it starts. */
export interface BuilderData {
  readonly verifiedFolder: string;
}

const kernel = Kernel.load();
const verified = new VerifiedFiles((workerData as BuilderData).verifiedFolder);
serveJobs((job: BuildJob): BuildResult => runBuild(job, kernel, verified));
