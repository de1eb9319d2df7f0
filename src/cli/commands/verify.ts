import type { VerifyReport } from "../../engine/index.ts";
import { type Command, exitDone, exitFailed } from "../command.ts";
import { bytesText, durationText, plural } from "../output.ts";
import { Progress } from "../progress.ts";

export const verify: Command = {
  name: "verify",
  operands: "",
  summary: "Proves a collection: every checksum, every file, every id once.",
  takes: [0, 0],
  options: {
    repair: { type: "boolean", help: "make whole what can be, set aside what can't; deletes nothing" },
  },
  details: "Exit code 1 when anything is wrong; each problem is a line.",
  async run({ options, scope, json, output, clock, open }) {
    const engine = await open();
    const progress = new Progress(output, clock);
    const report = await engine.verify(scope, {
      repair: options["repair"] === true,
      onProgress: (done, total) =>
        progress.update(`${done} of ${total} shards`, total === 0 ? undefined : done / total),
    });
    progress.clear();
    if (json) output.json(report);
    else {
      for (const { object, action, detail } of report.repairs) output.data(`${action}  ${object}  ${detail}`);
      for (const { object, code, detail } of report.problems) output.data(`${code}  ${object}  ${detail}`);
      const checked = `${plural(report.documents, "document")} in ${plural(report.shards, "shard")}, ${plural(report.objects, "object")}, ${bytesText(report.bytes)}`;
      const verdict = report.ok ? "sound" : plural(report.problems.length, "problem");
      output.note(`${verdict}: ${checked} checked in ${durationText(progress.elapsedMs)}`);
    }
    if (!json) for (const line of advice(report)) output.note(line);
    return report.ok ? exitDone : exitFailed;
  },
};

function advice({ ok, quarantined, archived, repairs }: VerifyReport): readonly string[] {
  const documents = quarantined.reduce((sum, shard) => sum + shard.documents, 0);
  const aside = `${plural(quarantined.length, "shard")} with ${plural(documents, "document")} set aside: see docs/guides/lifecycle.md`;
  const frozen = archived.filter(({ needs_restore }) => needs_restore);
  const unread = `${plural(frozen.length, "shard")} archived: what must be restored to be read was not read; mosaic restore brings it back`;
  const next = "mosaic verify --repair makes whole what can be, and sets the rest aside; it deletes nothing";
  return [
    ...(frozen.length > 0 ? [unread] : []),
    ...(quarantined.length > 0 ? [aside] : []),
    ...(ok || repairs.length > 0 ? [] : [next]),
  ];
}
