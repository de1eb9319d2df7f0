import { collectionName } from "../../base/index.ts";
import { asOfOption, type Command, exitDone, UsageError } from "../command.ts";
import { plural } from "../output.ts";

export const branch: Command = {
  name: "branch",
  operands: "NAME",
  summary: "Makes a new collection of a collection's shards, copying none.",
  takes: [1, 1],
  options: { "as-of": { type: "string", placeholder: "WHEN", help: "a generation or a time; now, when left out" } },
  async run(context) {
    const { positionals, scope, json, output, open } = context;
    const name = collectionName(positionals[0] ?? "");
    const engine = await open();
    const info = await engine.branch(scope, name, asOfOption(context));
    if (json) output.json(info);
    else output.note(`${name} branched off ${scope.collection}: ${plural(info.documents, "document")}`);
    return exitDone;
  },
};

export const rollback: Command = {
  name: "rollback",
  operands: "",
  summary: "Goes back to what a collection was.",
  takes: [0, 0],
  options: { "as-of": { type: "string", placeholder: "WHEN", help: "a generation or a time; it has to be given" } },
  details: "What came since stays readable with --as-of while it is kept (SNAPSHOT_KEEP_MS), so this can be undone.",
  async run(context) {
    const { scope, json, output, open } = context;
    const asOf = asOfOption(context);
    if (asOf === undefined) throw new UsageError("--as-of is missing: say which generation or time to go back to");
    const engine = await open();
    const info = await engine.rollback(scope, asOf);
    if (json) output.json(info);
    else output.note(`${scope.collection} is as it was at ${asOf}: ${plural(info.documents, "document")}`);
    return exitDone;
  },
};
