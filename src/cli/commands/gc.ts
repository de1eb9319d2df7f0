import { type Command, exitDone } from "../command.ts";
import { bytesText, plural } from "../output.ts";

export const gc: Command = {
  name: "gc",
  operands: "",
  summary: "Looks for objects that nothing needs; --collect deletes them, in time.",
  takes: [0, 0],
  options: { collect: { type: "boolean", help: "condemn what was found, and delete what was condemned long ago" } },
  details:
    "What is condemned is kept for GC_GRACE_MS or SNAPSHOT_KEEP_MS, whichever is longer; a later run deletes it.",
  async run({ options, scope, json, output, open }) {
    const engine = await open();
    const report = await engine.gc(scope, options["collect"] === true);
    if (json) {
      output.json(report);
      return exitDone;
    }
    for (const { key, bytes } of report.orphans) output.data(`${key}  ${bytesText(bytes)}`);
    const { orphans, bytes, condemned, collected } = report;
    const found = `${plural(orphans.length, "object")} (${bytesText(bytes)}) that nothing names`;
    const kept = `${plural(condemned, "object")} kept for older generations`;
    output.note(`${found}, ${kept}${collected ? "" : "; nothing was changed, --collect does"}`);
    return exitDone;
  },
};
