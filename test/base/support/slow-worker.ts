import { workerData } from "node:worker_threads";
import { notice, serveJobs } from "../../../src/base/index.ts";

/** Answers after `workerData` is opened by the other side, so that a job lasts as long as a test wants; says when it begins. */
const gate = new Int32Array(workerData as SharedArrayBuffer);
serveJobs(
  ({ wait }: { readonly wait: boolean }) => {
    notice("begun");
    if (wait) Atomics.wait(gate, 0, 0);
    return "answer";
  },
  () => undefined,
  () => Atomics.store(gate, 1, 1),
);
