/** Random statements by hand: `npm run differential -- --runs 100000 --seed 7`. Prints those whose answers differ. */
import { parseArgs } from "node:util";
import { differential } from "./support/differential.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];
const startedMs = performance.now();
const differences = await differential({
  runs,
  seed,
  onDone: (done) => {
    if (done % 10_000 === 0) console.error(`${done} of ${runs}`);
  },
});
for (const difference of differences) console.log(difference);
const seconds = (performance.now() - startedMs) / 1000;
console.log(`${runs} statements, seed ${seed}: ${differences.length} differ; ${seconds.toFixed(0)} s`);
process.exitCode = differences.length === 0 ? 0 : 1;
