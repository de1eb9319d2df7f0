import { beforeAll, describe, expect, test } from "vitest";
import type { Mosaic } from "../../src/engine/index.ts";
import { clusteredVectors } from "../support/vectors.ts";
import { docs, errorOf, openTestEngine, shared } from "./support/engine.ts";

const [count, dimensions] = [6000, 32];
const tailFrom = 5800;

interface Stored {
  readonly id: string;
  readonly vector: Float32Array;
  readonly group: number;
  readonly side: string;
}

let engine: Mosaic;
let all: Stored[];

beforeAll(() =>
  shared(async () => {
    const vectors = clusteredVectors(count, dimensions, 7);
    all = Array.from({ length: count }, (_, at) => {
      const vector = vectors.slice(at * dimensions, (at + 1) * dimensions);
      return { id: `d${at}`, vector, group: at, side: (vector[0] as number) > 0 ? "right" : "left" };
    });
    engine = await openTestEngine({ settings: { shardMaxDocs: 2000 } });
    const asDocument = ({ id, vector, group, side }: Stored) => ({
      id,
      text: `document ${group}`,
      embedding: [...vector],
      metadata: { group, side, nested: { deep: group % 3 } },
    });
    for (let from = 0; from < tailFrom; from += 1000)
      await engine.putMany(docs, all.slice(from, Math.min(from + 1000, tailFrom)).map(asDocument));
    await engine.fold(docs);
    for (const gone of all.splice(100, 50)) await engine.delete(docs, gone.id);
    await engine.putMany(docs, all.filter(({ group }) => group >= tailFrom).map(asDocument));
  }),
);

const cosine = (a: Float32Array, b: Float32Array): number => {
  let [dot, x, y] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += (a[i] as number) * (b[i] as number);
    x += (a[i] as number) ** 2;
    y += (b[i] as number) ** 2;
  }
  return dot / Math.sqrt(x * y);
};

const nearest = (query: Float32Array, matches: (one: Stored) => boolean): string[] =>
  all
    .filter(matches)
    .map(({ id, vector }) => ({ id, score: cosine(query, vector) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 10)
    .map(({ id }) => id);

async function recallOf(
  where: string | undefined,
  matches: (one: Stored) => boolean,
  pick: (at: number) => Stored,
): Promise<number> {
  let found = 0;
  let wanted = 0;
  for (let at = 0; at < 20; at++) {
    const { vector } = pick(at);
    const { results } = await engine.search(docs, {
      vector: [...vector],
      include: [],
      ...(where === undefined ? {} : { where }),
    });
    const expected = nearest(vector, matches);
    expect(results).toHaveLength(expected.length);
    wanted += expected.length;
    found += results.filter(({ id }) => expected.includes(id)).length;
  }
  return wanted === 0 ? 1 : found / wanted;
}

describe("recall under a filter", () => {
  const any = (at: number): Stored => all[at * 251] as Stored;
  let unfiltered: number;
  beforeAll(async () => {
    unfiltered = await recallOf(undefined, () => true, any);
  });

  test.each([50, 10, 1, 0.1, 0.02])(
    "that keeps %d %% is no less than without, and the results are all there",
    async (percent) => {
      const below = Math.round((percent / 100) * 1000);
      const where =
        percent >= 0.1 ? `(metadata->>'group' * 7919) % 1000 < ${Math.max(1, below)}` : "metadata->>'group' IN (4242)";
      const matches = ({ group }: Stored): boolean =>
        percent >= 0.1 ? (group * 7919) % 1000 < Math.max(1, below) : group === 4242;
      expect(await recallOf(where, matches, any)).toBeGreaterThanOrEqual(unfiltered);
    },
  );

  test("that keeps only what is far from the query is no less either", async () => {
    const left = all.filter(({ side }) => side === "left");
    const recall = await recallOf(
      "metadata->>'side' = 'right'",
      ({ side }) => side === "right",
      (at) => left[at * 31] as Stored,
    );
    expect(recall).toBeGreaterThanOrEqual(unfiltered);
  });
});

describe("a filter", () => {
  const vector = Array.from({ length: dimensions }, (_, at) => Math.sin(at));
  const idsOf = async (where: string, more = {}): Promise<string[]> =>
    (await engine.search(docs, { vector, where, limit: 1000, include: [], ...more })).results
      .map(({ id }) => id)
      .sort();

  test.each([
    ["metadata->>'group' BETWEEN 98 AND 152", (group: number) => group >= 98 && group <= 152],
    ["metadata->>'$.group' < 3 OR id = 'd5999'", (group: number) => group < 3 || group === 5999],
    [
      "json_extract(metadata, '$.nested.deep') = 1 AND metadata->>'group' > 5950",
      (group: number) => group % 3 === 1 && group > 5950,
    ],
    ["text LIKE '%ment 57_9'", (group: number) => /^57.9$/.test(String(group))],
    ["NOT (metadata->>'group' >= 2)", (group: number) => group < 2],
    ["metadata->>'group' = 1 /* and */ -- more\n", (group: number) => group === 1],
    ["metadata->>'none' IS NOT NULL", () => false],
    ["word_count > 100", () => false],
  ])("finds what fulfils it, in shards and in the tail: %s", async (where, matches) => {
    const expected = all.filter(({ group }) => matches(group)).map(({ id }) => id);
    expect(await idsOf(where)).toEqual(expected.sort());
    expect(await idsOf(where, { recall: "exact" })).toEqual(expected.sort());
  });

  test("takes parameters", async () => {
    expect(await idsOf("id IN (?, :other)", { params: { "?1": "d1", other: "d2" } })).toEqual(["d1", "d2"]);
    expect(await idsOf("metadata->>'group' = ?", { params: [7] })).toEqual(["d7"]);
  });

  test("drops shards by their summaries, and says so", async () => {
    const { plan } = await engine.search(docs, { vector, where: "metadata->>'group' = 17", explain: true });
    expect(plan?.shards.filter(({ kept }) => kept)).toMatchObject([{ matching: 1, selectivity: expect.any(Number) }]);
    expect(plan?.shards.filter(({ kept }) => !kept).map(({ reason }) => reason)).toEqual([
      "metadata",
      "metadata",
      "metadata",
    ]);
  });

  test.each([
    ["1 = 1; DELETE FROM documents", "sql_not_allowed"],
    ["1 ORDER BY id", "sql_not_allowed"],
    ["1 LIMIT 1", "sql_not_allowed"],
    ["1 UNION SELECT 1", "sql_not_allowed"],
    ["1 GROUP BY id", "sql_not_allowed"],
    ["id IN (SELECT id FROM documents)", "sql_not_allowed"],
    ["EXISTS (SELECT 1)", "sql_not_allowed"],
    ["count(*) > 1", "sql_not_allowed"],
    ["row_number() OVER () = 1", "sql_not_allowed"],
    ["rowid = 1", "sql_not_allowed"],
    ["load_extension('x')", "sql_not_allowed"],
    ["metadata->>'x' =", "sql_syntax"],
    ["missing = 1", "unknown_column"],
    ["length(", "sql_syntax"],
    ["printf('%.*c', 1000000000, 'x') = ''", "query_too_large"],
    ["id = ?", "invalid_parameter"],
  ])("that is none is refused: %s", async (where, code) => {
    expect(await errorOf(engine.search(docs, { vector, where }))).toMatchObject({ code });
  });

  test("is told by its own lines", async () => {
    expect(await errorOf(engine.search(docs, { vector, where: "id = 'd1'\n AND =" }))).toMatchObject({
      code: "sql_syntax",
      detail: expect.stringMatching(/where, line 2, column 6/),
    });
  });
});

describe("how a filter was found", () => {
  const vector = Array.from({ length: dimensions }, (_, at) => Math.sin(at));
  const means = async (where: string): Promise<readonly (string | undefined)[]> => {
    const { plan } = await engine.search(docs, { vector, where, explain: true });
    return [...new Set(plan?.shards.map(({ filter }) => filter))];
  };

  test.each([
    ["metadata->>'group' >= 0 AND NOT metadata->>'side' = 'up'", "columns"],
    ["metadata->>'none' IS NULL", "columns"],
    ["created_at > '2000-01-01' OR word_count IN (1, 2)", "columns"],
    ["metadata->>'side' LIKE '%t'", "SQL"],
    ["metadata->'nested'->>'deep' < 2", "SQL"],
  ])("is shown by explain, also when it is remembered: %s", async (where, expected) => {
    expect(await means(where)).toEqual([expected]);
    expect(await means(where)).toEqual([expected]);
  });
});
