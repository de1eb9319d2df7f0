import { type Logger, WorkerClient, workerUrl } from "../base/index.ts";
import type { BuilderData, BuildJob, BuildResult } from "./builder-worker.ts";

/** One thread that builds shards, so that the caller's event loop stays free. Started by the first build. */
export class Builder {
  readonly #worker: WorkerClient<BuildJob, BuildResult>;

  constructor(data: BuilderData, logger: Logger) {
    this.#worker = new WorkerClient(workerUrl(import.meta.url, "builder-worker"), data, (cause) =>
      logger.error("builder thread died", { cause: String(cause) }),
    );
  }

  build(job: BuildJob): Promise<BuildResult> {
    return this.#worker.ask(job).answer;
  }

  close(): Promise<void> {
    return this.#worker.stop("The engine is closing.");
  }
}
