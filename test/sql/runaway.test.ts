import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeWorld, row, type World } from "./support/world.ts";

describe("a query that runs away", () => {
  let world: World;
  beforeAll(async () => {
    const all = Array.from({ length: 400 }, (_, at) => row(`d${at}`, { text: "a".repeat(40) }));
    world = await makeWorld({ shards: [all.slice(0, 200), all.slice(200)], maxProcesses: 4 });
  });
  afterAll(async () => world.close());

  const run = (sql: string, timeoutMs: number) => world.root.run({ sql, timeoutMs }, world.help);

  test("ends at its deadline or for its size, and nobody else notices", async () => {
    const runaways: [string, RegExp][] = [
      ["WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n", /query_timeout/],
      ["SELECT count(*) FROM documents a, documents b, documents c, documents d, documents e", /query_timeout/],
      ["SELECT printf('%.*c', 1000000000, 'x')", /query_too_large/],
      ["SELECT length(zeroblob(1000000000))", /query_too_large|none/],
      ["SELECT hex(zeroblob(15000000))", /query_too_large/],
      [`SELECT count(*) FROM documents WHERE text GLOB '${"*a".repeat(30)}b'`, /query_timeout|none/],
      [
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT group_concat(hex(randomblob(1000000)), x) FROM n",
        /query_t/,
      ],
      ["WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT json_group_array(x) FROM n", /query_t/],
    ];
    const ended = runaways.map(async ([sql, code]) => {
      const outcome = await run(sql, 700).then(
        () => "none",
        (error: { code: string }) => error.code,
      );
      expect(outcome, sql).toMatch(code);
    });
    const ordinary = Array.from({ length: 50 }, async (_, at) => {
      const { rows } = await run(`SELECT count(*), ${at} FROM documents WHERE id < 'd2'`, 5000);
      expect(rows).toEqual([[112n, BigInt(at)]]);
    });
    await Promise.all([...ended, ...ordinary]);
  }, 30_000);

  test("a process that is killed is replaced", async () => {
    await expect(
      run("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n", 50),
    ).rejects.toMatchObject({
      kind: "timeout",
    });
    expect((await run("SELECT 1", 5000)).rows).toEqual([[1n]]);
  });

  test("an answer or a gathering that is too large is refused", async () => {
    const many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200000) SELECT x FROM n";
    await expect(run(many, 10_000)).rejects.toMatchObject({ code: "query_too_large" });
  });
});
