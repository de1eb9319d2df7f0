import { type TransferListItem, Worker } from "node:worker_threads";
import { deserializeError, MosaicError, type SerializedError } from "./errors.ts";
import type { Ended, Noticed, Told } from "./serve-jobs.ts";

/** What a worker answers to `{ id, ...job }`. */
export type WorkerAnswer<Result> = { readonly id: number } & (
  | { readonly result: Result }
  | { readonly error: SerializedError }
);

interface Pending<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One thread that answers jobs. It starts with the first job, keeps the process alive only while it owes an answer, and
 * when it dies everything it owed fails with `unavailable` and the next job starts another.
 */
export class WorkerClient<Job extends object, Result, Word = never, Notice = never> {
  readonly #entry: URL;
  readonly #workerData: unknown;
  readonly #onDeath: (cause: unknown) => void;
  readonly #onNotice: (notice: Notice) => void;
  readonly #pending = new Map<number, Pending<Result>>();
  #worker: Worker | undefined;
  #nextId = 1;

  constructor(
    entry: URL,
    workerData: unknown,
    onDeath: (cause: unknown) => void,
    onNotice: (notice: Notice) => void = () => undefined,
  ) {
    this.#entry = entry;
    this.#workerData = workerData;
    this.#onDeath = onDeath;
    this.#onNotice = onNotice;
  }

  /** Jobs that are not answered yet. */
  get owed(): number {
    return this.#pending.size;
  }

  owes(id: number): boolean {
    return this.#pending.has(id);
  }

  start(): Worker {
    this.#worker ??= this.#spawn();
    return this.#worker;
  }

  ask(job: Job, transfer: readonly TransferListItem[] = []): { readonly id: number; readonly answer: Promise<Result> } {
    const id = this.#nextId++;
    const worker = this.start();
    const answer = new Promise<Result>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, ...job }, transfer);
    });
    return { id, answer };
  }

  /** Tells the thread something, if there is one; it listens between jobs. */
  tell(word: Word): void {
    this.#worker?.postMessage({ told: word } satisfies Told<Word>);
  }

  /** What is owed fails with `detail`. The thread ends by itself after its present job, or is ended where that takes long. */
  async stop(detail: string): Promise<void> {
    const worker = this.#letGo(detail);
    if (worker === undefined) return;
    const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.ref();
    worker.postMessage({ ended: true } satisfies Ended);
    const impatience = setTimeout(() => void worker.terminate(), farewellMs);
    await gone;
    clearTimeout(impatience);
  }

  /** For a thread that is stuck in a job: ends it in the middle. */
  async kill(detail: string): Promise<void> {
    await this.#letGo(detail)?.terminate();
  }

  #letGo(detail: string): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#failAll(detail, undefined);
    return worker;
  }

  #spawn(): Worker {
    const worker = new Worker(this.#entry, { workerData: this.#workerData });
    worker.unref();
    worker.on("message", (message: WorkerAnswer<Result> | Noticed<Notice>) => {
      if (!("notice" in message)) this.#settle(worker, message);
      else if (this.#worker === worker) this.#onNotice(message.notice);
    });
    const died = (cause: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#onDeath(cause);
      this.#failAll("A worker thread died; try again.", cause);
    };
    worker.on("error", died);
    worker.on("exit", (code) => died(`exit code ${code}`));
    return worker;
  }

  #settle(worker: Worker, answer: WorkerAnswer<Result>): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (this.#pending.size === 0) worker.unref();
    if ("result" in answer) pending?.resolve(answer.result);
    else pending?.reject(deserializeError(answer.error));
  }

  #failAll(detail: string, cause: unknown): void {
    const owed = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of owed)
      reject(new MosaicError("unavailable", "ask worker", { code: "worker_stopped", detail, cause }));
  }
}

/** A thread that is asked to end has this long for the job that it is at. Ended in the middle, native code may crash the process. */
const farewellMs = 5000;
