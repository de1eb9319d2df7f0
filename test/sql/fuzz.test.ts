import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isMosaicError } from "../../src/base/index.ts";
import { printSelect } from "../../src/sql/language/print.ts";
import { readStatement } from "../../src/sql/statement.ts";
import { statement } from "./support/queries.ts";
import { makeWorld, row, type World } from "./support/world.ts";

const seed = Number(process.env["SQL_SEED"] ?? 11);
const runs = Number(process.env["SQL_FUZZ_RUNS"] ?? 1000);

const pieces = [
  ..."; -- /* */ ' \" [ ] ` ( ) , . * ? :a @b $c \0 \u00a0 \ud800 é 1e999 0x x'0' || -> ->> ~ <> NULL".split(" "),
  ..."DELETE UPDATE INSERT DROP PRAGMA ATTACH VACUUM sqlite_schema rowid main. temp. documents WITH RECURSIVE".split(
    " ",
  ),
  ..."load_extension( writefile( pragma_table_info( json_each( randomblob(1000000000) zeroblob(1000000000)".split(" "),
  ..."SELECT FROM WHERE GROUP ORDER BY LIMIT -1 UNION EXCEPT OVER FILTER COLLATE CAST AS EXISTS IN BETWEEN".split(" "),
];

const edit = fc.record({
  at: fc.nat(),
  cut: fc.integer({ min: 0, max: 12 }),
  put: fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3, unit: "binary" })),
});

const mutated = fc.tuple(statement, fc.array(edit, { maxLength: 4 })).map(([sql, edits]) =>
  edits.reduce((text, { at, cut, put }) => {
    const from = at % (text.length + 1);
    return `${text.slice(0, from)} ${put} ${text.slice(from + cut)}`;
  }, sql),
);

const allowedKinds = ["invalid", "too_large", "timeout"] as const;

describe(`${runs} mutated statements (seed ${seed})`, () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({ shards: [[row("d1"), row("d2")], [row("d3")]], maxProcesses: 3 });
  });
  afterAll(async () => world.close());

  test("are answered or refused, and what is let in reads only", { timeout: 3_600_000 }, async () => {
    const letIn: string[] = [];
    for (const sql of fc.sample(mutated, { seed, numRuns: runs })) {
      try {
        const printed = printSelect(readStatement(sql, []).select);
        expect(printed, sql).toMatch(/^(SELECT|WITH|VALUES) /);
        letIn.push(sql);
      } catch (error) {
        expect(isMosaicError(error, ...allowedKinds), `${sql}\n${String(error)}`).toBe(true);
      }
    }
    expect(letIn.length).toBeGreaterThan(runs / 10);
    const run = async (sql: string): Promise<void> => {
      try {
        await world.root.run({ sql, timeoutMs: 2000 }, world.help);
      } catch (error) {
        expect(isMosaicError(error, ...allowedKinds), `${sql}\n${String(error)}`).toBe(true);
      }
    };
    const lane = async (first: number): Promise<void> => {
      for (let at = first; at < letIn.length; at += 3) await run(letIn[at] as string);
    };
    await Promise.all([lane(0), lane(1), lane(2)]);
    expect(
      (await world.root.run({ sql: "SELECT count(*) FROM documents", timeoutMs: 120_000 }, world.help)).rows,
    ).toEqual([[3n]]);
  });
});
