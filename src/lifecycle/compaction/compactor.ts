import { rm } from "node:fs/promises";
import { type Logger, MosaicError, WorkerClient, workerUrl } from "../../base/index.ts";
import type { MeasuredShard } from "../../ingest/index.ts";
import type { Expected, KnownDeaths } from "../../shard/index.ts";
import type { CompactAnswer, CompactJob, CompactSource, StubSource } from "./compact-worker.ts";

export type Plan = Omit<CompactJob & { kind: "plan" }, "kind">;

/** What a compaction asks of the thread that reads and writes files: one at a time. */
export interface CompactorThread {
  plan(plan: Plan): Promise<readonly { readonly rows: number; readonly leaf: number }[]>;
  build(region: number, folder: string, shardIds: readonly string[]): Promise<readonly MeasuredShard[]>;
  /** Removes a file that was built or written and is stored by now. */
  discard(path: string): Promise<void>;
  ids(source: CompactSource, rows: readonly number[]): Promise<readonly string[]>;
  rows(source: CompactSource, ids: readonly string[]): Promise<readonly (number | undefined)[]>;
  /** What dying rows take from the statistics: see `DeadRows.with`. Undefined where texts are not read. */
  terms(
    source: CompactSource,
    dead: KnownDeaths,
    rows: readonly number[],
    language: string,
  ): Promise<Uint8Array | undefined>;
  /** Writes the stub of a shard to the local file `to`. */
  stub(source: StubSource, to: string): Promise<Expected>;
  /** Ends the plan: its files are closed, and what was built in `folder` is removed. */
  done(folder: string): Promise<void>;
}

/** A thread of its own, so that folds, which writers wait for, don't queue behind a compaction. */
export class Compactor implements CompactorThread {
  readonly #worker: WorkerClient<CompactJob, CompactAnswer>;

  constructor(data: { readonly verifiedFolder: string }, logger: Logger) {
    this.#worker = new WorkerClient(workerUrl(import.meta.url, "compact-worker"), data, (cause) =>
      logger.error("compaction thread died", { cause: String(cause) }),
    );
  }

  async plan(plan: Plan): Promise<readonly { readonly rows: number; readonly leaf: number }[]> {
    return (await this.#ask({ kind: "plan", ...plan })).regions ?? [];
  }
  async build(region: number, folder: string, shardIds: readonly string[]): Promise<readonly MeasuredShard[]> {
    return (await this.#ask({ kind: "build", region, folder, shardIds })).shards ?? [];
  }
  async discard(path: string): Promise<void> {
    await rm(path, { force: true });
  }
  async ids(source: CompactSource, rows: readonly number[]): Promise<readonly string[]> {
    return (await this.#ask({ kind: "ids", source, rows })).ids ?? [];
  }
  async rows(source: CompactSource, ids: readonly string[]): Promise<readonly (number | undefined)[]> {
    return (await this.#ask({ kind: "rows", source, ids })).rows ?? [];
  }
  async terms(
    source: CompactSource,
    dead: KnownDeaths,
    rows: readonly number[],
    language: string,
  ): Promise<Uint8Array | undefined> {
    return (await this.#ask({ kind: "terms", source, dead, rows, language })).terms;
  }
  async stub(source: StubSource, to: string): Promise<Expected> {
    const { stub } = await this.#ask({ kind: "stub", source, to });
    if (stub === undefined) throw new MosaicError("internal", "write stub");
    return stub;
  }
  async done(folder: string): Promise<void> {
    await this.#ask({ kind: "close" });
    await rm(folder, { recursive: true, force: true });
  }

  close(): Promise<void> {
    return this.#worker.stop("The engine is closing.");
  }

  #ask(job: CompactJob): Promise<CompactAnswer> {
    return this.#worker.ask(job).answer;
  }
}
