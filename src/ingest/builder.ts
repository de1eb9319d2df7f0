import { rm } from "node:fs/promises";
import { type Logger, WorkerClient, workerUrl } from "../base/index.ts";
import type { BuildJob, BuildResult } from "./build-job.ts";
import type { BuilderData } from "./builder-worker.ts";

/** Makes shard files of what a fold gathered. */
export interface ShardBuilder {
  build(job: BuildJob): Promise<BuildResult>;
  /** Removes the folder that a job named, and what was built there. */
  discard(folder: string): Promise<void>;
}

/** One thread that builds shards, so that the caller's event loop stays free. Started by the first build. */
export class Builder implements ShardBuilder {
  readonly #worker: WorkerClient<BuildJob, BuildResult>;

  constructor(data: BuilderData, logger: Logger) {
    this.#worker = new WorkerClient(workerUrl(import.meta.url, "builder-worker"), data, (cause) =>
      logger.error("builder thread died", { cause: String(cause) }),
    );
  }

  build(job: BuildJob): Promise<BuildResult> {
    return this.#worker.ask(job).answer;
  }

  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  close(): Promise<void> {
    return this.#worker.stop("The engine is closing.");
  }
}
