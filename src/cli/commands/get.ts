import { type Command, exitDone } from "../command.ts";

export const get: Command = {
  name: "get",
  operands: "ID",
  summary: "Prints a document.",
  takes: [1, 1],
  options: { embedding: { type: "boolean", help: "with its vector" } },
  async run({ positionals: [id = ""], options, scope, json, output, open }) {
    const engine = await open();
    const document = await engine.get(scope, id, { embedding: options["embedding"] === true });
    if (json) output.json(document);
    else output.data(JSON.stringify(document, null, 2));
    return exitDone;
  },
};
