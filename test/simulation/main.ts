/** Runs many seeds by hand: `npm run simulate -- --seeds 20000 --from 1`. Prints every seed that fails. */
import { parseArgs } from "node:util";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    show: { type: "boolean" },
  },
});
const [count, from] = [Number(values.seeds), Number(values.from)];
let steps = 0;
let failed = 0;
const totals: Record<string, number> = {};
const startedMs = performance.now();
for (let seed = from; seed < from + count; seed++) {
  const outcome = await simulate(seed);
  steps += outcome.steps;
  for (const [what, times] of Object.entries(outcome.counts)) totals[what] = (totals[what] ?? 0) + times;
  if (outcome.failure === undefined) continue;
  failed++;
  console.log(`seed ${seed}: ${outcome.failure}`);
  if (values.show) console.log(outcome.history.slice(-60).join("\n"));
}
const seconds = (performance.now() - startedMs) / 1000;
console.log(`${count} seeds, ${steps} steps, ${failed} failed, ${seconds.toFixed(1)} s`);
console.log(
  Object.entries(totals)
    .sort()
    .map(([what, times]) => `${what} ${times}`)
    .join(", "),
);
process.exitCode = failed === 0 ? 0 : 1;
