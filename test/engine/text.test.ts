import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Mosaic } from "../../src/engine/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { docs, errorOf, openTestEngine, vectorsOf } from "./support/engine.ts";
import { expectTextbook, words } from "./support/textbook.ts";

describe("BM25", () => {
  test("is the textbook's over the whole collection, however documents lie in shards, tail and deletes", async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("put" as const),
          id: fc.nat(30),
          text: fc.array(fc.constantFrom(...words), { maxLength: 12 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), id: fc.nat(30) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("fold" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 40 }),
        fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }),
        async (steps, query) => {
          const engine = await openTestEngine({ store: new MemoryStore(), settings: { shardMaxDocs: 8 } });
          const texts = new Map<string, string>();
          await engine.put(docs, { id: "always", text: "apple fox" });
          texts.set("always", "apple fox");
          for (const one of steps) {
            if (one.do === "fold") await engine.fold(docs);
            else if (one.do === "put") {
              texts.set(`d${one.id}`, one.text.join(" "));
              await engine.put(docs, { id: `d${one.id}`, text: one.text.join(" ") || "." });
            } else if (texts.delete(`d${one.id}`)) await engine.delete(docs, `d${one.id}`);
          }
          await expectTextbook(engine, texts, query.join(" "));
          await engine.close();
        },
      ),
      { numRuns: 12 },
    );
  });

  test("survives compaction", async () => {
    const engine = await openTestEngine({ settings: { shardMaxDocs: 20 } });
    const texts = new Map<string, string>();
    for (let round = 0; round < 4; round++) {
      for (let at = 0; at < 10; at++) {
        const text = Array.from(
          { length: 1 + ((at * 7 + round) % 9) },
          (_, n) => words[(at * n + round) % words.length],
        ).join(" ");
        texts.set(`d${round}-${at}`, text);
        await engine.put(docs, { id: `d${round}-${at}`, text });
      }
      await engine.fold(docs);
    }
    for (const id of ["d0-1", "d1-2", "d3-3"]) {
      await engine.delete(docs, id);
      texts.delete(id);
    }
    const { id } = await engine.compact(docs);
    await engine.jobEnded(id);
    await expectTextbook(engine, texts, "apple runners network");
  });
});

describe("a hybrid search", () => {
  test("by words alone says what its leaves have computed", async () => {
    const engine = await openTestEngine();
    for (let at = 0; at < 50; at++) await engine.put(docs, { id: `d${at}`, text: `apple ${at} fox` });
    await engine.fold(docs);
    const ranker = { scorers: [{ name: "bm25", weight: 1 }], fusion: "max" } as const;
    const { results, stats } = await engine.hybrid(docs, { query: "apple", ranker });
    expect(results).toHaveLength(10);
    expect(stats.cost.compute_ms).toBeGreaterThan(0);
  });

  const texts: Record<string, string> = {
    exact: "An image editor for photographs",
    apart: "An editor that also shows an image",
    words: "image image image",
    other: "A text processor",
    kiwi: "A green fruit",
  };

  async function opened(folded: boolean): Promise<Mosaic> {
    const engine = await openTestEngine();
    const vector = vectorsOf(1, 8);
    await engine.putMany(
      docs,
      Object.entries(texts).map(([id, text]) => ({ id, text, embedding: vector(), metadata: { kind: id } })),
    );
    if (folded) await engine.fold(docs);
    return engine;
  }
  const idsOf = async (engine: Mosaic, query: string, more = {}): Promise<string[]> =>
    (await engine.hybrid(docs, { query, ...more })).results.map(({ id }) => id).sort();

  test.each([true, false])("knows phrases, required and excluded words, beginnings (folded: %s)", async (folded) => {
    const engine = await opened(folded);
    expect(await idsOf(engine, "image")).toEqual(["apart", "exact", "words"]);
    expect(await idsOf(engine, '"image editor"')).toEqual(["exact"]);
    expect(await idsOf(engine, "image +editor")).toEqual(["apart", "exact"]);
    expect(await idsOf(engine, "image -editor")).toEqual(["words"]);
    expect(await idsOf(engine, 'editor -"image editor"')).toEqual(["apart"]);
    expect(await idsOf(engine, "photo*")).toEqual(["exact"]);
    expect(await idsOf(engine, "+zebra image")).toEqual([]);
    expect(await idsOf(engine, "image", { where: "metadata->>'kind' <> 'words'" })).toEqual(["apart", "exact"]);
  });

  test("with a vector finds both what is near and what has the words, but nothing that is excluded", async () => {
    const engine = await opened(true);
    const vector = vectorsOf(1, 8)();
    const found = await engine.hybrid(docs, { query: "image", vector, include: ["scores"] });
    expect(found.results.map(({ id }) => id).sort()).toEqual(Object.keys(texts).sort());
    expect(found.results[0]?.id).toBe("exact");
    expect(found.results[0]?.scores).toMatchObject({ fused: found.results[0]?.score });
    for (const { score, contributions } of found.results) {
      expect(Object.values(contributions ?? {}).reduce((sum, one) => sum + one, 0)).toBeCloseTo(score, 12);
      expect(score).toBeLessThanOrEqual(1);
    }
    expect(await idsOf(engine, "+image -editor", { vector })).toEqual(["words"]);
  });

  test("shows the passage that has the words", async () => {
    const engine = await opened(true);
    const { results } = await engine.hybrid(docs, { query: "editors", include: ["highlights"], limit: 1 });
    expect(results[0]?.highlights?.[0]).toContain("<mark>editor</mark>");
    expect(results[0]?.text).toBeUndefined();
  });

  test("ranks by whatever scorers are given", async () => {
    const engine = await opened(true);
    const ranker = {
      scorers: [
        { name: "bm25", weight: 0 },
        { name: "expression", sql: "length(text)" },
      ],
      fusion: "weighted_sum",
    } as const;
    const { results } = await engine.hybrid(docs, { query: "image", ranker, include: ["scores"] });
    expect(results.map(({ id, score }) => [id, score])).toEqual([
      ["apart", 1],
      ["exact", expect.closeTo((31 - 17) / (34 - 17), 9)],
      ["words", 0],
    ]);
    const byFunction = {
      scorers: [{ name: "custom", score: ({ id }: { id: string }) => (id === "words" ? 1 : 0) }],
    } as const;
    expect((await engine.hybrid(docs, { query: "image", ranker: byFunction })).results[0]?.id).toBe("words");
    expect((await engine.hybrid(docs, { query: "image", ranker: "full", min_score: 0.999 })).results).toHaveLength(1);
  });

  test.each([
    [{ scorers: [] }, "invalid_ranker"],
    [{ scorers: [{ name: "magic" }] }, "invalid_ranker"],
    [{ scorers: [{ name: "bm25" }, { name: "bm25" }] }, "invalid_ranker"],
    [{ scorers: [{ name: "bm25", weight: -1 }] }, "invalid_ranker"],
    [{ scorers: [{ name: "expression" }] }, "invalid_ranker"],
    [{ scorers: [{ name: "expression", sql: "count(*)" }] }, "sql_not_allowed"],
    [{ scorers: [{ name: "expression", sql: "missing" }] }, "unknown_column"],
  ])("refuses the ranker %j", async (ranker, code) => {
    const engine = await opened(true);
    expect(await errorOf(engine.hybrid(docs, { query: "image", ranker: ranker as never }))).toMatchObject({ code });
  });
});

test("a collection has a language and a ranker of its own", async () => {
  const engine = await openTestEngine();
  await engine.createCollection(docs, { language: "german", ranker: { scorers: [{ name: "bm25" }], fusion: "max" } });
  await engine.put(docs, { id: "a", text: "Die Häuser" });
  await engine.put(docs, { id: "b", text: "Der Hund" });
  const { results } = await engine.hybrid(docs, { query: "haus", include: ["scores"] });
  expect(results).toMatchObject([{ id: "a", score: 1, scores: { bm25: expect.any(Number) } }]);
  expect(await engine.collection(docs)).toMatchObject({ language: "german", ranker: { fusion: "max" } });
  expect(
    await errorOf(engine.createCollection({ ...docs, collection: "x" as never }, { language: "klingon" })),
  ).toMatchObject({
    code: "invalid_language",
  });
});

test("words are found whatever their case, diacritics, form or script", async () => {
  const engine = await openTestEngine();
  const texts = {
    cafe: "Ein Café in der Straße",
    tokyo: "東京都に住んでいます",
    beijing: "我爱北京天安门",
    thai: "ภาษาไทย",
    runner: "She was running through NETWORKS <fast>",
  };
  await engine.putMany(
    docs,
    Object.entries(texts).map(([id, text]) => ({ id, text })),
  );
  await engine.fold(docs);
  const search = async (query: string) =>
    (await engine.hybrid(docs, { query, include: ["highlights"] })).results.map(({ id, highlights }) => [
      id,
      highlights?.[0],
    ]);
  expect(await search("CAFE")).toEqual([["cafe", "Ein <mark>Café</mark> in der Straße"]]);
  expect(await search("strasse")).toEqual([["cafe", "Ein Café in der <mark>Straße</mark>"]]);
  expect(await search("東京")).toEqual([["tokyo", "<mark>東京</mark>都に住んでいます"]]);
  expect(await search("北京")).toEqual([["beijing", "我爱<mark>北京</mark>天安门"]]);
  expect(await search("ไทย")).toEqual([["thai", "ภาษา<mark>ไทย</mark>"]]);
  const marked = "She was <mark>running</mark> through <mark>NETWORKS</mark> &lt;fast&gt;";
  expect(await search("run network")).toEqual([["runner", marked]]);
  expect(await search("+run netw*")).toEqual([["runner", marked]]);
  // What only excludes, or has no words, finds nothing; too many words are cut off.
  expect(await search("-cafe")).toEqual([]);
  expect(await search('… "!"')).toEqual([]);
  expect(await search(`cafe ${Array.from({ length: 5000 }, (_, at) => `w${at}`).join(" ")}`)).toHaveLength(1);
  expect(await errorOf(engine.hybrid(docs, { query: "  " }))).toMatchObject({ code: "empty_query" });
});
