import { expect, test } from "vitest";
import { differential } from "./support/differential.ts";

const seed = Number(process.env["SQL_SEED"] ?? 20_240_229);
/** `npm run test:sql` runs more, `npm run differential` as many as one likes. */
const runs = Number(process.env["SQL_RUNS"] ?? 200);

test(`answers equal those of one file (seed ${seed}, ${runs} statements)`, { timeout: 3_600_000 }, async () => {
  expect(await differential({ seed, runs })).toEqual([]);
});
