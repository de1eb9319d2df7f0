import type { Clock, Settings } from "../base/index.ts";
import type { Inbox } from "../inbox/index.ts";
import type { Jobs } from "./jobs/jobs.ts";

interface Parts {
  readonly inbox: Inbox;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly settings: Pick<Settings, "jobsKeepDays" | "inboxReserveMs">;
}

export interface Forgotten {
  readonly forgotten: number;
  /** False when time was up: called again it goes on. */
  readonly complete: boolean;
}

const dayMs = 86_400_000;

/** Takes away what is known of files and jobs that are long over: INBOX_STATE_DAYS, JOBS_KEEP_DAYS. */
export async function forgetOldRecords(
  { inbox, jobs, clock, settings }: Parts,
  remainingMs: () => number,
): Promise<Forgotten> {
  const files = await inbox.forget(remainingMs);
  if (settings.jobsKeepDays === 0) return files;
  const mayGoOn = (): boolean => remainingMs() >= settings.inboxReserveMs;
  const ended = await jobs.forget(clock.now() - settings.jobsKeepDays * dayMs, mayGoOn);
  return { forgotten: files.forgotten + ended.forgotten, complete: files.complete && ended.complete };
}
