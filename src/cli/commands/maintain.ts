import type { MaintenanceReport } from "../../engine/index.ts";
import { type Command, type Context, exitDone, exitFailed, wholeOption } from "../command.ts";
import { durationText, plural } from "../output.ts";
import { Progress } from "../progress.ts";

const mostMinutes = 7 * 24 * 60;

export const maintain: Command = {
  name: "maintain",
  operands: "",
  summary: "Does one round of maintenance over all tenants, for cron where neither a server nor a function runs.",
  takes: [0, 0],
  options: { minutes: { type: "string", placeholder: "N", help: "begin nothing more after so many minutes" } },
  details: [
    "Reads files that wait in the inbox, folds what is left in the log, compacts, moves shards by policy, deletes what nothing",
    "needs. It ends at once when another process is at it; ended early, the next round goes on there. The exit code is 1 when",
    "something could not be seen to; what that was stands on standard error.",
  ].join("\n"),
  async run(context) {
    const { settings, json, output, clock } = context;
    const engine = await context.open();
    const progress = new Progress(output, clock);
    const report = await engine.maintain({
      remainingMs: remainingOf(context),
      leftBehindMs: settings.inboxSettleMs,
      onProgress: ({ tenant, collection }, done, total) => progress.update(`${tenant}/${collection}`, done / total),
    });
    progress.clear();
    if (json) output.json(report);
    else output.note(verdict(report, progress.elapsedMs));
    return report.failed === 0 ? exitDone : exitFailed;
  },
};

/** The reserve is for functions, which are ended when time is up; here what was begun may finish. */
function remainingOf(context: Context): () => number {
  const minutes = wholeOption(context, "minutes", 1, mostMinutes);
  if (minutes === undefined) return () => Number.POSITIVE_INFINITY;
  const { clock, settings } = context;
  const endMs = clock.monotonicMs() + minutes * 60_000;
  return () => endMs - clock.monotonicMs() + settings.inboxReserveMs;
}

function verdict(report: MaintenanceReport, elapsedMs: number): string {
  if (report.busy) return "another process is at it; nothing was done";
  const { complete, collections, folded, compactions, collected, policies, files, forgotten, failed } = report;
  const done = [
    `${plural(collections, "collection")} in ${durationText(elapsedMs)}: ${folded} folded`,
    `${compactions} compacted`,
    `${collected} rid of litter`,
    `${policies} moved by policy`,
  ].join(", ");
  const beside = `${plural(files, "file")} taken from the inbox, ${plural(forgotten, "old record")} deleted`;
  const failures = failed === 0 ? "" : `; ${failed} failed and will be tried again`;
  return `${done}; ${beside}${failures}${complete ? "" : "; time was up, the next round goes on"}`;
}
