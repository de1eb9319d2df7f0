import { parentPort } from "node:worker_threads";
import { serializeError } from "./errors.ts";

/** The other end of WorkerClient: answers each job in turn with what `answer` returns or throws. */
export function serveJobs<Job extends object, Result>(answer: (job: Job) => Result): void {
  parentPort?.on("message", ({ id, ...job }: { id: number } & Job) => {
    try {
      parentPort?.postMessage({ id, result: answer(job as unknown as Job) });
    } catch (error) {
      parentPort?.postMessage({ id, error: serializeError(error) });
    }
  });
}
