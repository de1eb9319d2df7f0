import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, makeWorld, row, type World } from "./support/world.ts";

describe("one statement over many files", () => {
  let world: World;

  beforeAll(async () => {
    const section = ["games", "web", "doc", null];
    const make = (at: number) =>
      row(`d${at}`, {
        text: "a ".repeat(at % 5),
        metadata: JSON.stringify({ section: section[at % 4], size: at * 10, author: `a${at % 3}` }),
        pagerank: (at % 7) / 7,
        createdAt: `2024-0${1 + (at % 9)}-01 00:00:00`,
      });
    const all = Array.from({ length: 60 }, (_, at) => make(at));
    world = await makeWorld({
      shards: [all.slice(0, 20), all.slice(20, 40), all.slice(40, 41), all.slice(41)],
      dead: [["d3", "d4"], [], [], ["d50"]],
      ranked: [true, false, false, true],
      tail: [make(3), row("d21", { text: "new text", metadata: '{"section":"games"}' }), row("fresh")],
      tailDeletes: ["d22"],
    });
  });
  afterAll(async () => world.close());

  const cases: readonly [strategy: string, sql: string][] = [
    ["none", "SELECT 1 + 1, 'a' || 'b' AS ab"],
    ["none", "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5) SELECT x FROM n"],
    ["none", "VALUES (1, 'a'), (2, 'b')"],
    ["push", "SELECT id, text FROM documents WHERE metadata->>'section' = 'games' ORDER BY id"],
    ["push", "SELECT id, pagerank FROM documents ORDER BY pagerank DESC, id LIMIT 7 OFFSET 3"],
    ["push", "SELECT * FROM documents ORDER BY id DESC LIMIT 3"],
    ["push", "SELECT DISTINCT metadata->>'section' AS s FROM documents ORDER BY s"],
    ["push", "SELECT id FROM documents ORDER BY upper(id) COLLATE NOCASE DESC, 1 LIMIT 4"],
    ["split", "SELECT count(*) FROM documents"],
    [
      "split",
      "SELECT count(*), sum(word_count), avg(pagerank), min(id), max(created_at) FROM documents WHERE pagerank > 2",
    ],
    [
      "split",
      "SELECT metadata->>'author' as author, COUNT(*) as papers FROM documents GROUP BY author ORDER BY papers DESC, author LIMIT 10",
    ],
    [
      "split",
      "SELECT metadata->>'section' s, count(*) n, sum(metadata->>'size'), avg(pagerank) FROM documents GROUP BY 1 HAVING n > '3' ORDER BY 2 DESC, s",
    ],
    [
      "split",
      "SELECT word_count, count(*) FILTER (WHERE pagerank > 0.5) FROM documents GROUP BY word_count HAVING word_count > '2' ORDER BY 1",
    ],
    ["split", "SELECT count(DISTINCT metadata->>'author'), count(*), sum(word_count) FROM documents"],
    ["split", "SELECT total(word_count) + 1, CASE WHEN count(*) > 1 THEN 'many' END FROM documents"],
    ["gather", "SELECT id, row_number() OVER (ORDER BY id) FROM documents ORDER BY id"],
    [
      "gather",
      "SELECT a.id FROM documents a JOIN documents b ON a.metadata->>'author' = b.metadata->>'author' WHERE b.id = 'd7' ORDER BY 1",
    ],
    ["gather", "SELECT id FROM documents WHERE word_count = (SELECT max(word_count) FROM documents) ORDER BY id"],
    ["gather", "SELECT d.id, j.value FROM documents d, json_each(d.metadata) j WHERE j.key = 'author' ORDER BY 1"],
    ["gather", "SELECT median(word_count) FROM documents"],
    [
      "gather",
      "WITH games AS (SELECT * FROM documents WHERE metadata->>'section' = 'games') SELECT count(*) FROM games",
    ],
    ["gather", "SELECT id FROM documents UNION SELECT 'x' ORDER BY 1 LIMIT 5"],
  ];

  test.each(cases)("%s: %s", async (strategy, sql) => {
    const answer = await world.root.run({ sql, timeoutMs: 120_000 }, world.help);
    const expected = ask(world.reference, sql);
    expect(answer.plan.strategy).toBe(strategy);
    expect(answer.columns).toEqual(expected.columns);
    expect(answer.rows).toEqual(expected.rows);
  });

  test("a search is a table of its own, and its documents are all that is gathered", async () => {
    const sql =
      "SELECT d.metadata->>'section' AS s, count(*), avg(v.score) FROM vector_search('image editor', 20) v JOIN documents d ON d.id = v.id GROUP BY s ORDER BY 2 DESC";
    const answer = await world.root.run({ sql, timeoutMs: 120_000 }, world.help);
    expect(answer.rows.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(20);
    expect(answer.gatheredRows).toBeLessThanOrEqual(20);
  });
});
