import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whileAsked } from "../../src/base/index.ts";
import { makeWorld, row, type World } from "./support/world.ts";

const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)";

/** Statements without end or measure, and the ways in which each may end: by its deadline or its size, never otherwise. */
const runaways: readonly (readonly [name: string, sql: string, code: RegExp])[] = [
  ["a recursion without end", `${endless} SELECT count(*) FROM n`, /^query_timeout$/],
  [
    "a five-way cross join",
    "SELECT count(*) FROM documents a, documents b, documents c, documents d, documents e",
    /^query_timeout$/,
  ],
  ["a text of a billion characters", "SELECT printf('%.*c', 1000000000, 'x')", /^query_too_large$/],
  ["a blob of a billion zeros", "SELECT hex(zeroblob(1000000000))", /^query_too_large$/],
  ["a blob that doubles", "SELECT hex(zeroblob(15000000))", /^query_too_large$/],
  [
    "a pattern of many wildcards",
    `SELECT count(*) FROM documents a, documents b, documents c WHERE a.text || b.id || c.id GLOB '${"*a".repeat(40)}b'`,
    /^query_timeout$/,
  ],
  ["brackets in brackets", `SELECT ${"(".repeat(3000)}1${")".repeat(3000)}`, /^query_too_large$/],
  [
    "subqueries in subqueries",
    `SELECT * FROM ${"(SELECT * FROM ".repeat(400)}documents${")".repeat(400)}`,
    /^(query_too_large|query_timeout|sql_failed)$/,
  ],
  ["a group that keeps everything", `${endless} SELECT json_group_array(x) FROM n`, /^query_t/],
  ["a group of large values", `${endless} SELECT group_concat(hex(randomblob(1000000)), x) FROM n`, /^query_t/],
  ["an answer without end", `${endless} SELECT x FROM n`, /^query_too_large$/],
];

describe("a query that runs away", () => {
  let world: World;
  beforeAll(async () => {
    const all = Array.from({ length: 400 }, (_, at) => row(`d${at}`, { text: "a".repeat(40) }));
    world = await makeWorld({ shards: [all.slice(0, 200), all.slice(200)], maxProcesses: 4 });
  });
  afterAll(async () => world.close());

  const codeOf = async (sql: string, timeoutMs: number): Promise<string> => {
    try {
      await world.root.run({ sql, timeoutMs }, world.help);
      return "answered";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  /** The deadline counts the time in a process alone, so a crowd makes a statement wait and does not fail it. */
  const ordinary = async (at: number): Promise<void> => {
    const sql = `SELECT count(*), ${at} FROM documents WHERE id < 'd2'`;
    expect((await world.root.run({ sql, timeoutMs: 120_000 }, world.help)).rows).toEqual([[112n, BigInt(at)]]);
  };

  // Those that end by their size get all the time that this needs on a busy machine.
  const deadlineOf = (code: RegExp): number => (code.test("query_timeout") ? 700 : 120_000);

  test("ends at its deadline or for its size, and 50 others meanwhile notice nothing", {
    timeout: 300_000,
  }, async () => {
    const ended = runaways.map(async ([name, sql, code]) => {
      expect(await codeOf(sql, deadlineOf(code)), name).toMatch(code);
    });
    await Promise.all([...ended, ...Array.from({ length: 50 }, (_, at) => ordinary(at))]);
  });

  test("a process that is killed is replaced, however often", { timeout: 300_000 }, async () => {
    for (let round = 0; round < 6; round++) {
      expect(await codeOf(`${endless} SELECT count(*) FROM n`, 50)).toBe("query_timeout");
      await ordinary(round);
    }
  });

  test("an answer that is too large is refused", { timeout: 300_000 }, async () => {
    const many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200000) SELECT x FROM n";
    expect(await codeOf(many, 120_000)).toBe("query_too_large");
  });

  test("what is gathered is bounded, also where it goes through a file", { timeout: 300_000 }, async () => {
    const wide = "SELECT id, hex(zeroblob(100000)) AS a, row_number() OVER () FROM documents";
    const answer = await world.root.run(
      { sql: `SELECT count(a), sum(length(a)) FROM (${wide})`, timeoutMs: 120_000 },
      world.help,
    );
    expect(answer.rows).toEqual([[400n, 80_000_000n]]);
    // 400 rows of 200,000 characters are more than leaves may keep in memory.
    const pushed = "SELECT id, hex(zeroblob(100000)) AS a FROM documents ORDER BY id LIMIT 200";
    const { rows, gatheredBytes } = await world.root.run({ sql: pushed, timeoutMs: 120_000 }, world.help);
    expect(rows.map(([id]) => id)).toEqual(
      Array.from({ length: 400 }, (_, at) => `d${at}`)
        .sort()
        .slice(0, 200),
    );
    expect(gatheredBytes).toBeGreaterThan(40_000_000);
    const tooMuch = "SELECT id, hex(zeroblob(1000000)) AS a FROM documents ORDER BY id";
    expect(await codeOf(tooMuch, 120_000)).toBe("query_too_large");
  });
});

describe("a client that goes away", () => {
  test("takes its statement along, whether that runs or waits", { timeout: 300_000 }, async () => {
    const world = await makeWorld({ shards: [[row("d0", { text: "a" })]], maxProcesses: 1 });
    try {
      const sql = `${endless} SELECT count(*) FROM n`;
      const asked = [0, 1, 2].map(() => {
        const leaving = new AbortController();
        const ended = whileAsked(leaving.signal, () => world.root.run({ sql, timeoutMs: 600_000 }, world.help)).then(
          () => "answered",
          (error: unknown) => (error as { code: string }).code,
        );
        return { leaving, ended };
      });
      // There is one process, so at least two of the three wait by now, or have not come so far.
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
      const last = world.root.run({ sql: "SELECT count(*) FROM documents", timeoutMs: 120_000 }, world.help);
      for (const { leaving } of asked.toReversed()) leaving.abort();
      expect(await Promise.all(asked.map(({ ended }) => ended))).toEqual(["client_gone", "client_gone", "client_gone"]);
      expect((await last).rows).toEqual([[1n]]);
    } finally {
      await world.close();
    }
  });
});
