/** Long work, written down where every process can see it, so that another one can follow it, end it or go on with it. */
export interface Job<Input = unknown, State = unknown> {
  readonly format: 1;
  readonly id: string;
  readonly kind: string;
  readonly tenant: string;
  readonly collection: string;
  readonly status: JobStatus;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Milliseconds since the epoch until which its process says to be alive. */
  readonly aliveUntilMs: number;
  readonly cancelRequested: boolean;
  /** Milliseconds since the epoch before which nobody goes on with it; null while nothing is waited for. */
  readonly waitsUntilMs: number | null;
  readonly progress: JobProgress;
  readonly result: Readonly<Record<string, number>> | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
  /** What was asked for, as its kind reads it. */
  readonly input: Input;
  /** What the work needs to go on where it stopped. */
  readonly state: State | null;
}

export type JobStatus = "running" | "done" | "failed" | "cancelled";

export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

export const isOver = ({ status }: Pick<Job, "status">): boolean => status !== "running";
