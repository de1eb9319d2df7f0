import { type Command, exitDone } from "../command.ts";

export const deleteDocument: Command = {
  name: "delete",
  operands: "ID",
  summary: "Deletes a document.",
  takes: [1, 1],
  async run({ positionals: [id = ""], scope, json, output, open }) {
    const engine = await open();
    await engine.delete(scope, id);
    if (json) output.json({ id, deleted: true });
    else output.data(`deleted ${id}`);
    return exitDone;
  },
};
