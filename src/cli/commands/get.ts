import { asOfOption, type Command, exitDone } from "../command.ts";

export const get: Command = {
  name: "get",
  operands: "ID",
  summary: "Prints a document.",
  takes: [1, 1],
  options: {
    embedding: { type: "boolean", help: "with its vector" },
    "as-of": { type: "string", placeholder: "WHEN", help: "what it was at a generation or a time" },
  },
  async run(context) {
    const { positionals, options, scope, json, output, open } = context;
    const [id = ""] = positionals;
    const asOf = asOfOption(context);
    const engine = await open();
    const document = await engine.get(scope, id, {
      embedding: options["embedding"] === true,
      ...(asOf === undefined ? {} : { as_of: asOf }),
    });
    if (json) output.json(document);
    else output.data(JSON.stringify(document, null, 2));
    return exitDone;
  },
};
