import { type Command, exitDone, exitFailed } from "../command.ts";
import { bytesText, durationText, plural } from "../output.ts";
import { Progress } from "../progress.ts";

export const verify: Command = {
  name: "verify",
  operands: "",
  summary: "Proves a collection: every checksum, every file, every id once.",
  takes: [0, 0],
  details: "Exit code 1 when anything is wrong; each problem is a line.",
  async run({ scope, json, output, clock, open }) {
    const engine = await open();
    const progress = new Progress(output, clock);
    const report = await engine.verify(scope, (done, total) =>
      progress.update(`${done} of ${total} objects`, total === 0 ? undefined : done / total),
    );
    progress.clear();
    if (json) output.json(report);
    else {
      for (const { object, code, detail } of report.problems) output.data(`${code}  ${object}  ${detail}`);
      const checked = `${plural(report.documents, "document")} in ${plural(report.shards, "shard")}, ${plural(report.objects, "object")}, ${bytesText(report.bytes)}`;
      const verdict = report.ok ? "sound" : plural(report.problems.length, "problem");
      output.note(`${verdict}: ${checked} checked in ${durationText(progress.elapsedMs)}`);
    }
    return report.ok ? exitDone : exitFailed;
  },
};
