import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SqlShard } from "../../src/sql/index.ts";
import { planQuery } from "../../src/sql/plan/plan.ts";
import { mayMatch } from "../../src/sql/prune/prune.ts";
import { readStatement } from "../../src/sql/statement.ts";
import { condition, documentArbitrary, inRows } from "./support/queries.ts";
import { ask, makeWorld, type Row, row, type World } from "./support/world.ts";

const seed = Number(process.env["SQL_SEED"] ?? 5);

describe("dropped shards", () => {
  let world: World;
  let shards: readonly SqlShard[];
  let rows: readonly (readonly Row[])[];

  beforeAll(async () => {
    const ids = Array.from({ length: 48 }, (_, at) => `d${at}`);
    const random = fc.sample(fc.tuple(...ids.slice(0, 40).map(documentArbitrary)), { seed, numRuns: 1 })[0] as Row[];
    const special = [
      row("d40", { metadata: JSON.stringify({ k: "a".repeat(100), s: "ä" }), text: "two  blanks" }),
      row("d41", { metadata: JSON.stringify({ k: [1, 2], s: { a: 1 } }), createdAt: "2025-06-01 00:00:00.5" }),
      row("d42", { metadata: '{ "k": 1, "k": 2 }' }),
      row("d43", { metadata: JSON.stringify({ k: 9007199254740992, n: 0.1 }), pagerank: 0.1 }),
      row("d44", { metadata: JSON.stringify({ k: "\0", s: "\ud800" }), text: "a b\0 c d" }),
    ];
    const all = [...random, ...special];
    rows = Array.from({ length: 15 }, (_, at) => all.slice(at * 3, at * 3 + 3));
    world = await makeWorld({ shards: rows, ranked: rows.map((_rows, at) => at % 2 === 0) });
    shards = (await world.help.snapshot()).shards;
  });
  afterAll(async () => world.close());

  const keptFor = (text: string): ReadonlySet<string> => {
    const { select, bindings } = readStatement(`SELECT id FROM documents WHERE ${text}`, []);
    const wanted = planQuery(select, bindings, []).leaf?.condition;
    if (wanted === undefined) throw new Error("no condition was pushed");
    return new Set(shards.filter(({ known }) => mayMatch(wanted, known, {})).map(({ id }) => id));
  };
  /** None where SQLite finds a row on which the condition has no value at all. */
  const matching = (text: string): readonly unknown[] => {
    try {
      return ask(world.reference, `SELECT id FROM documents WHERE ${text}`).rows.map(([id]) => id);
    } catch {
      return [];
    }
  };
  const holding = (text: string): readonly string[] => {
    const found = new Set(matching(text));
    return shards.filter((_shard, at) => rows[at]?.some(({ id }) => found.has(id))).map(({ id }) => id);
  };

  test("hold no match, whatever the condition", () => {
    let dropped = 0;
    const neverWrong = (text: string): void => {
      const kept = keptFor(text);
      dropped += shards.length - kept.size;
      expect(
        holding(text).filter((id) => !kept.has(id)),
        text,
      ).toEqual([]);
    };
    fc.assert(fc.property(condition, neverWrong), { seed, numRuns: 4000 });
    fc.assert(fc.property(inRows, neverWrong), { seed, numRuns: 500 });
    expect(dropped).toBeGreaterThan(4000);
  });

  test.each([
    "id = 'd4'",
    "id IN ('d4', 'd9')",
    "created_at >= '2025'",
    "created_at LIKE '2025%'",
    "created_at BETWEEN '2025-01-01' AND '2025-12-31' AND pagerank >= 0",
    "word_count > 3",
    "NOT (word_count <= 3)",
    "metadata->>'k' = 'b'",
    "metadata->>'$.k' IN ('b', 'é')",
    "json_extract(metadata, '$.n') > 4",
    "metadata->>'missing' IS NOT NULL",
    "(metadata->>'k', id) = ('b', 'd1')",
    "(metadata->>'k', id) IN (VALUES ('b', 'd1'), ('c', 'd2'))",
    "id IN (VALUES ('d4'), ('d9'))",
    "json_extract(metadata, '$.n') IN (VALUES (50), (60.5))",
    "'2025' < created_at",
    "metadata->>'k' > 1e9 OR metadata->>'n' = 5",
  ])("fewer are read for %s", (text) => {
    const kept = keptFor(text);
    expect(kept.size).toBeLessThan(shards.length);
    for (const id of holding(text)) expect(kept).toContain(id);
  });

  test("are named by EXPLAIN with the reason", async () => {
    const sql = "SELECT count(*) FROM documents WHERE created_at > '2025' AND word_count > 0";
    const answer = await world.root.run({ sql, timeoutMs: 60_000, explain: true }, world.help);
    expect(answer.rows).toEqual([[1n]]);
    expect(answer.shards.filter(({ kept }) => kept)).toHaveLength(1);
    expect(answer.shards.find(({ kept }) => !kept)?.reason).toBe("no row fulfils \"created_at\" > '2025'");
  });
});
