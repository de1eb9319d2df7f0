import { type Command, exitDone, exitFailed } from "../command.ts";
import { table } from "../output.ts";

export const collections: Command = {
  name: "collections",
  operands: "",
  summary: "Lists the tenant's collections.",
  takes: [0, 0],
  async run({ tenant, json, output, open }) {
    const engine = await open();
    const { collections: found, unreadable } = await engine.collections(tenant);
    for (const { name, detail } of unreadable) output.note(`mosaic: the collection ${name} can't be read: ${detail}`);
    if (json) output.json(found);
    else {
      const rows = found.map(({ name, documents, dimensions, distance, embedding_model: model }) => [
        name,
        documents,
        dimensions ?? "-",
        distance,
        model,
      ]);
      for (const line of table([["collection", "documents", "dimensions", "distance", "model"], ...rows]))
        output.data(line);
    }
    return unreadable.length === 0 ? exitDone : exitFailed;
  },
};
