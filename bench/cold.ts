/**
 * Cold start: from the start of a process to its first answer, over a collection that was ingested before.
 *
 *   npm run bench:cold -- --storage ./data                          vectors given
 *   npm run bench:cold -- --storage ./data --query "edit photos"    and a text, where the collection has a model
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { percentile } from "./vector/measure.ts";
import { runStage } from "./vector/stage.ts";

const { values } = parseArgs({
  options: {
    storage: { type: "string", default: "./data" },
    runs: { type: "string", default: "15" },
    query: { type: "string" },
  },
});

type Times = Record<"node" | "import" | "open" | "search" | "total" | "again", number>;
const parts = ["node", "import", "open", "search", "total", "again"] as const;

async function measure(name: string, runs: number, query: string | undefined, newCache: boolean): Promise<void> {
  const kept = mkdtempSync(join(tmpdir(), "mosaic-cold-"));
  const times: Times[] = [];
  const once = async (): Promise<Times> => {
    const cache = newCache ? mkdtempSync(join(tmpdir(), "mosaic-cold-")) : kept;
    const run = await runStage<Times>("../cold/first-answer.ts", {
      storage: values.storage,
      cache,
      ...(query === undefined ? {} : { query }),
    });
    if (newCache) rmSync(cache, { recursive: true });
    return run;
  };
  await once();
  for (let run = 0; run < runs; run++) times.push(await once());
  rmSync(kept, { recursive: true });
  const cells = parts.map((part) =>
    percentile(
      times.map((time) => time[part]),
      50,
    )
      .toFixed(0)
      .padStart(8),
  );
  console.log(`${name.padEnd(34)}${cells.join("")}`);
}

console.log(`p50 of ${values.runs} processes, ms`.padEnd(34) + parts.map((part) => part.padStart(8)).join(""));
const runs = Number(values.runs);
await measure("vector given", runs, undefined, false);
await measure("vector given, files never checked", Math.ceil(runs / 3), undefined, true);
if (values.query !== undefined) await measure("text, model loaded for it", runs, values.query, false);
