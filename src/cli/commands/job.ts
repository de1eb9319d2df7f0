import { type Command, exitDone } from "../command.ts";
import { countText } from "../output.ts";

export const job: Command = {
  name: "job",
  operands: "ID",
  summary: "Shows how far a job is; --cancel asks it to end.",
  takes: [1, 1],
  options: { cancel: { type: "boolean", help: "ask it to end: what it has finished stays" } },
  async run({ positionals: [id = ""], options, tenant, json, output, open }) {
    const engine = await open();
    const found = options["cancel"] === true ? await engine.cancelJob(tenant, id) : await engine.job(tenant, id);
    if (json) {
      output.json(found);
      return exitDone;
    }
    const { kind, collection, status, progress, error, waits_until: waits } = found;
    const { done, total, unit } = progress;
    output.data(`${kind} of ${collection}: ${status}, ${countText(done)} of ${countText(total)} ${unit}`);
    if (waits !== null) output.note(`waits until ${waits}`);
    if (error !== null) output.note(error.detail);
    return exitDone;
  },
};
