import type { Job } from "../../lifecycle/index.ts";
import type { Collection } from "../collection.ts";

/** What a finished job says of itself. */
export type JobResult = Readonly<Record<string, number>>;

/**
 * One kind of long work. The runner keeps its job alive, takes it over from a process that died, cancels it and writes its
 * end; the kind does the work, and saves a state from which any process can go on.
 */
export interface JobKind<Input, State> {
  readonly name: string;
  /** What `progress` counts. */
  readonly unit: string;
  /** Nobody follows it: its job is gone when it is over. */
  readonly isPassing?: boolean;
  /** Does the work from `task.state` on (null: from the beginning). May throw `PutAside`. */
  run(task: JobTask<Input, State>): Promise<JobResult>;
}

/** A job as its kind sees it, while this process runs it. */
export interface JobTask<Input, State> {
  readonly job: Job;
  readonly input: Input;
  readonly state: State | null;
  /** As it is now. Throws `not_found` when there is no such collection any more. */
  readonly collection: () => Promise<Collection>;
  /** Writes down how far the work is. Throws to end it between two steps: cancelled, or this process closes. */
  save(state: State, done: number, total: number): Promise<void>;
  /** Throws to end the work where there is nothing to write down. */
  check(): void;
}

/** Ends the work between two steps: the job says how it goes on. */
export class Interrupted extends Error {
  readonly cancelled: boolean;
  constructor(cancelled: boolean) {
    super(cancelled ? "cancelled" : "stopping");
    this.cancelled = cancelled;
  }
}

/**
 * Nothing can be done before a time: the job stays `running`, no process is held up by it, and whoever resumes jobs then
 * goes on from the state that was saved last.
 */
export class PutAside extends Error {
  readonly untilMs: number;
  constructor(untilMs: number) {
    super("put aside");
    this.untilMs = untilMs;
  }
}
