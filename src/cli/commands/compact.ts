import { type Command, type Context, exitDone, exitFailed } from "../command.ts";
import { countText, durationText, plural } from "../output.ts";
import { Progress } from "../progress.ts";

/** How often a job is looked at, for its progress: one GET each time. */
const lookEveryMs = 500;

export const compact: Command = {
  name: "compact",
  operands: "",
  summary: "Merges a collection's shards and orders them by meaning.",
  takes: [0, 0],
  details: "Searches and writes go on meanwhile. Ended early, it is simply run again: what it has finished stays.",
  async run(context) {
    const { scope, json, output, clock, open } = context;
    const engine = await open();
    const begun = await engine.compact(scope);
    let isRunning = true;
    const ended = engine.jobEnded(begun.id).finally(() => {
      isRunning = false;
    });
    const progress = new Progress(output, clock);
    while (isRunning) {
      await Promise.race([ended, clock.sleep(lookEveryMs)]);
      const { done, total } = (await engine.job(scope.tenant, begun.id)).progress;
      progress.update(`${countText(done)} of ${plural(total, "document")}`, total === 0 ? undefined : done / total);
    }
    progress.clear();
    const job = await engine.job(scope.tenant, begun.id);
    if (json) output.json(job);
    else output.note(verdict(job, progress.elapsedMs));
    return job.status === "done" ? exitDone : exitFailed;
  },
};

type Job = Awaited<ReturnType<Awaited<ReturnType<Context["open"]>>["job"]>>;

function verdict({ id, status, progress, result, error }: Job, elapsedMs: number): string {
  if (status !== "done") return `job ${id} ${status}${error === null ? "" : `: ${error.detail}`}`;
  const [before = 0, after = 0] = [result?.["shards_before"], result?.["shards_after"]];
  return `${plural(before, "shard")} compacted, ${plural(after, "shard")} now; ${plural(progress.total, "document")} in ${durationText(elapsedMs)}`;
}
