import { epochMsOf } from "../base/index.ts";
import type { JobInfo, Mosaic } from "../engine/index.ts";
import { type Context, exitDone, exitFailed } from "./command.ts";
import { countText } from "./output.ts";
import { Progress } from "./progress.ts";

/** How often a job is looked at, for its progress: one GET each time. */
const lookEveryMs = 500;

/**
 * Follows a job that `engine` runs until it has ended, with a bar on a terminal; prints it as JSON, or what `verdict`
 * says of one that is done. A job that was put aside is left to the server that resumes jobs, unless `wait` says to stay
 * until it is over. Returns the exit code.
 */
export async function followJob(
  context: Context,
  engine: Mosaic,
  begun: JobInfo,
  verdict: (job: JobInfo, elapsedMs: number) => string,
  { wait = false }: { readonly wait?: boolean } = {},
): Promise<number> {
  const { json, output, clock } = context;
  const progress = new Progress(output, clock);
  let job = await whileRunning(context, engine, begun, progress);
  while (wait && job.status === "running") {
    // The engine goes on with it by itself when its time has come; a little later, so that it has begun.
    const leftMs = job.waits_until === null ? 0 : epochMsOf(job.waits_until) - clock.now();
    await clock.sleep(Math.max(0, leftMs) + lookEveryMs);
    job = await whileRunning(context, engine, begun, progress);
  }
  progress.clear();
  if (json) output.json(job);
  else output.note(job.status === "done" ? verdict(job, progress.elapsedMs) : unfinished(job));
  return job.status === "done" || job.waits_until !== null ? exitDone : exitFailed;
}

async function whileRunning(
  { scope, clock }: Context,
  engine: Mosaic,
  begun: JobInfo,
  progress: Progress,
): Promise<JobInfo> {
  let isRunning = true;
  const ended = engine.jobEnded(begun.id).finally(() => {
    isRunning = false;
  });
  while (isRunning) {
    await Promise.race([ended, clock.sleep(lookEveryMs)]);
    const { done, total, unit } = (await engine.job(scope.tenant, begun.id)).progress;
    progress.update(`${countText(done)} of ${countText(total)} ${unit}`, total === 0 ? undefined : done / total);
  }
  return await engine.job(scope.tenant, begun.id);
}

function unfinished({ id, status, error, waits_until: waits }: JobInfo): string {
  if (waits !== null) return `job ${id} waits until ${waits}; a server of this storage goes on with it`;
  return `job ${id} ${status}${error === null ? "" : `: ${error.detail}`}`;
}
