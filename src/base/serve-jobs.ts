import { parentPort } from "node:worker_threads";
import { serializeError } from "./errors.ts";

/** What the owner of a thread tells it between jobs; nothing comes back. */
export interface Told<Word> {
  readonly told: Word;
}
/** What a thread is asked for last: to end by itself, between jobs, with its native objects closed. */
export interface Ended {
  readonly ended: true;
}
/** What a thread says unasked. */
export interface Noticed<Notice> {
  readonly notice: Notice;
}

/**
 * The other end of WorkerClient: answers each job in turn with what `answer` returns or throws, and passes what it is
 * told to `listen`. Asked to end, it calls `end` and listens no more, so that the thread is over when nothing else keeps it.
 */
export function serveJobs<Job extends object, Result, Word = never>(
  answer: (job: Job) => Result,
  listen: (word: Word) => void = () => undefined,
  end: () => void = () => undefined,
): void {
  parentPort?.on("message", (message: ({ id: number } & Job) | Told<Word> | Ended) => {
    if ("told" in message) return listen(message.told);
    if ("ended" in message) {
      end();
      parentPort?.close();
      return;
    }
    const { id, ...job } = message;
    try {
      parentPort?.postMessage({ id, result: answer(job as unknown as Job) });
    } catch (error) {
      parentPort?.postMessage({ id, error: serializeError(error) });
    }
  });
}

/** Says something to the owner of this thread; it arrives before answers that are given later. */
export function notice<Notice>(what: Notice): void {
  parentPort?.postMessage({ notice: what } satisfies Noticed<Notice>);
}
