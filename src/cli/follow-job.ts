import type { JobInfo, Mosaic } from "../engine/index.ts";
import { type Context, exitDone, exitFailed } from "./command.ts";
import { countText } from "./output.ts";
import { Progress } from "./progress.ts";

/** How often a job is looked at, for its progress: one GET each time. */
const lookEveryMs = 500;

/**
 * Follows a job that `engine` runs until it has ended, with a bar on a terminal; prints it as JSON, or what `verdict`
 * says of one that is done. A job that was put aside is left to the server that resumes jobs. Returns the exit code.
 */
export async function followJob(
  { scope, json, output, clock }: Context,
  engine: Mosaic,
  begun: JobInfo,
  verdict: (job: JobInfo, elapsedMs: number) => string,
): Promise<number> {
  let isRunning = true;
  const ended = engine.jobEnded(begun.id).finally(() => {
    isRunning = false;
  });
  const progress = new Progress(output, clock);
  while (isRunning) {
    await Promise.race([ended, clock.sleep(lookEveryMs)]);
    const { done, total, unit } = (await engine.job(scope.tenant, begun.id)).progress;
    progress.update(`${countText(done)} of ${countText(total)} ${unit}`, total === 0 ? undefined : done / total);
  }
  progress.clear();
  const job = await engine.job(scope.tenant, begun.id);
  if (json) output.json(job);
  else output.note(job.status === "done" ? verdict(job, progress.elapsedMs) : unfinished(job));
  return job.status === "done" || job.waits_until !== null ? exitDone : exitFailed;
}

function unfinished({ id, status, error, waits_until: waits }: JobInfo): string {
  if (waits !== null) return `job ${id} waits until ${waits}; a server of this storage goes on with it`;
  return `job ${id} ${status}${error === null ? "" : `: ${error.detail}`}`;
}
