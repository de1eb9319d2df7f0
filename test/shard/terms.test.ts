import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bm25Part, TermTable, type TextClause, type TextLists, TextScan, TopRows } from "../../src/shard/index.ts";
import { InvertedIndex } from "../../src/shard/terms/inverted-index.ts";
import { PositionsReader } from "../../src/shard/terms/phrase.ts";
import { boundsOf, placeOf, TermList } from "../../src/shard/terms/term-list.ts";

const words = ["a", "b", "c", "d", "e", "rare", "é", "日本"];
const word = fc.oneof({ weight: 8, arbitrary: fc.constantFrom("a", "b", "c") }, fc.constantFrom(...words));
const texts = fc.array(fc.array(word, { maxLength: 12 }), { minLength: 1, maxLength: 700 });

function indexOf(rows: readonly (readonly string[])[]) {
  const index = new InvertedIndex((text) => (text === "" ? [] : text.split(" ")));
  for (const row of rows) index.add(row.join(" "));
  return {
    terms: new Map([...index.terms()].map((one) => [one.term, one])),
    lengths: index.lengths(),
    total: index.total,
  };
}

describe("an inverted index", () => {
  test("has every term with its rows, occurrences and places", () => {
    fc.assert(
      fc.property(texts, (rows) => {
        const { terms, lengths, total } = indexOf(rows);
        expect([...lengths]).toEqual(rows.map((row) => row.length));
        expect(total).toBe(rows.flat().length);
        expect(new Set(terms.keys())).toEqual(new Set(rows.flat()));
        for (const [term, { documents, postings, positions }] of terms) {
          const list = TermList.decode(postings, lengths);
          const places = new PositionsReader({ list, positions });
          const found = Array.from(list.rows, (row, at) => [row, places.of(at)]);
          const expected = rows.flatMap((row, at) => {
            const own = row.flatMap((one, place) => (one === term ? [place] : []));
            return own.length === 0 ? [] : [[at, own]];
          });
          expect(found).toEqual(expected);
          expect(documents).toBe(expected.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("bounds the scores of each block closely, whatever the average of terms", () => {
    fc.assert(
      fc.property(texts, fc.double({ min: 1, max: 20, noNaN: true }), (rows, averageTerms) => {
        const { terms, lengths } = indexOf(rows);
        const part = bm25Part({ k1: 1.2, b: 0.75, averageTerms });
        for (const { postings } of terms.values()) {
          const list = TermList.decode(postings, lengths);
          const scores = Array.from(list.rows, (row, at) =>
            part(list.occurrences[at] as number, lengths[row] as number),
          );
          const { blocks, most } = boundsOf(list, part);
          blocks.forEach((bound, block) => {
            expect(bound).toBeGreaterThanOrEqual(Math.max(...scores.slice(128 * block, 128 * (block + 1))));
          });
          expect(most).toBe(Math.max(...blocks));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("finds the first row that is not before another", () => {
    const numbers = fc.uniqueArray(fc.nat(5000), { minLength: 1, maxLength: 900 });
    fc.assert(
      fc.property(numbers, fc.array(fc.nat(5200)), (holding, wanted) => {
        const rows = Uint32Array.from(holding).sort();
        let place = 0;
        for (const row of wanted.toSorted((a, b) => a - b)) {
          place = placeOf(rows, row, place);
          expect(place).toBe(rows.filter((one) => one < row).length);
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ["cut", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ["longer", (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.of(1)])],
    ["of more rows than there are", () => Buffer.of(120, 1, 1)],
    ["of a row that is not there", () => Buffer.of(1, 20, 1)],
    ["empty", () => Buffer.of()],
  ])("that is %s is refused", (_what, spoil) => {
    const { terms, lengths } = indexOf([["a", "b"], ["a"], ["c"]]);
    const { postings } = terms.get("a") as { postings: Uint8Array };
    expect(() => TermList.decode(spoil(postings), lengths)).toThrow(/damaged|can't be read/);
  });
});

describe("a table of terms", () => {
  test("finds each of its terms, no other, and those that begin so", () => {
    const term = fc.oneof(fc.string({ minLength: 1, unit: "grapheme" }), fc.constantFrom("ab", "abc", "abd", "b"));
    fc.assert(
      fc.property(
        fc.uniqueArray(term, { maxLength: 200 }),
        fc.string({ minLength: 1, maxLength: 2 }),
        (all, prefix) => {
          const sorted = all.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
          const bytes = TermTable.encode(
            "s1",
            sorted.map((one, at) => ({ term: one, documents: at + 1 })),
          );
          const table = TermTable.decode(bytes, "key");
          expect([table.shard, table.size]).toEqual(["s1", all.length]);
          sorted.forEach((one, at) => {
            expect(table.find(one)).toEqual({ term: one, number: at + 1, documents: at + 1 });
          });
          expect(table.find("never there \u{10ffff}")).toBeUndefined();
          expect(table.beginning(prefix, 1000).map((entry) => entry.term)).toEqual(
            sorted.filter((one) => one.startsWith(prefix)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  test("that is none is refused", () => {
    expect(() => TermTable.decode(Buffer.from("MTE0 and more"), "key")).toThrow(/damaged/);
  });
});

describe("a scan by terms", () => {
  const clause = fc.record({
    kind: fc.constantFrom("all" as const, "any" as const),
    terms: fc.uniqueArray(fc.nat(words.length - 1), { minLength: 1, maxLength: 3 }),
    occur: fc.oneof(
      { weight: 4, arbitrary: fc.constant("should" as const) },
      fc.constantFrom("must" as const, "never" as const),
    ),
  });
  const setting = fc.record({
    rows: texts,
    clauses: fc.array(clause, { minLength: 1, maxLength: 4 }),
    limit: fc.integer({ min: 1, max: 30 }),
    k1: fc.constantFrom(0, 1.2, 3),
    b: fc.constantFrom(0, 0.75, 1),
    dead: fc.uniqueArray(fc.nat(700)),
  });

  test("finds what a look at every row finds, with the textbook's scores", () => {
    fc.assert(
      fc.property(setting, ({ rows, clauses, limit, k1, b, dead }) => {
        const { terms, lengths, total } = indexOf(rows);
        const idf = words.map((term) => Math.log(1 + rows.length / (terms.get(term)?.documents ?? 0.5)));
        const scoring = { k1, b, averageTerms: total / rows.length, idf, clauses };
        const lists: TextLists = {
          lists: words.map((term) => listOf(terms.get(term), lengths)),
          positions: words.map((term) => terms.get(term)?.positions),
          lengths,
        };
        const gone = new Set(dead);
        const live = liveOf(rows.length, gone);
        const part = bm25Part(scoring);
        const expected = rows
          .map((row, at) => ({ row: at, score: gone.has(at) ? undefined : scoreOf(row, clauses, idf, part) }))
          .flatMap(({ row, score }) => (score === undefined ? [] : [{ row, score }]))
          .sort((x, y) => y.score - x.score || x.row - y.row);
        const top = new TopRows(limit);
        new TextScan(lists, scoring).best(top, 0, gone.size === 0 ? undefined : live);
        const found = top.take().slice(0, limit);
        expect(found.length).toBe(Math.min(limit, expected.length));
        found.forEach(({ score }, at) => expect(score).toBeCloseTo(expected[at]?.score as number, 9));
        const all = new TextScan(lists, scoring).scores(rows.map((_row, at) => at));
        rows.forEach((row, at) => expect(all[at]).toBeCloseTo(scoreOf(row, clauses, idf, part) ?? 0, 9));
      }),
      { numRuns: 300 },
    );
  });

  test("keeps all rows that tie with the last one", () => {
    const { terms, lengths } = indexOf(Array.from({ length: 600 }, () => ["a"]));
    const top = new TopRows(3);
    const lists = { lists: [listOf(terms.get("a"), lengths)], positions: [undefined], lengths };
    const clauses = [{ kind: "all", terms: [0], occur: "should" }] as const;
    new TextScan(lists, { k1: 1.2, b: 0.75, averageTerms: 1, idf: [1], clauses }).best(top, 0, undefined);
    expect(top.take()).toHaveLength(600);
  });
});

const listOf = (term: { readonly postings: Uint8Array } | undefined, lengths: Uint32Array): TermList | undefined =>
  term === undefined ? undefined : TermList.decode(term.postings, lengths);

function liveOf(rows: number, gone: ReadonlySet<number>): Uint8Array {
  const live = new Uint8Array(Math.ceil(rows / 8)).fill(255);
  for (const row of gone) if (row < rows) live[row >>> 3] = (live[row >>> 3] as number) & ~(1 << (row & 7));
  return live;
}

/** By the definition, one row at a time. */
function scoreOf(
  row: readonly string[],
  clauses: readonly TextClause[],
  idf: readonly number[],
  part: (occurrences: number, terms: number) => number,
): number | undefined {
  const scores = clauses.map(({ kind, terms }) => {
    const names = terms.map((term) => words[term] as string);
    const weight = (occurrences: number, by: number): number =>
      occurrences === 0 ? 0 : by * part(occurrences, row.length);
    if (kind === "any" || terms.length === 1)
      return names.reduce(
        (sum, name, at) => sum + weight(row.filter((one) => one === name).length, idf[terms[at] as number] as number),
        0,
      );
    const phrase = row.filter((_one, at) => names.every((name, by) => row[at + by] === name)).length;
    return weight(
      phrase,
      terms.reduce((sum, term) => sum + (idf[term] as number), 0),
    );
  });
  const wanted = clauses.flatMap(({ occur }, at) =>
    occur === "never" ? [] : [{ occur, score: scores[at] as number }],
  );
  const refused = clauses.some(({ occur }, at) => occur === "never" && (scores[at] as number) > 0);
  if (refused || wanted.some(({ occur, score }) => occur === "must" && score === 0)) return undefined;
  const sum = wanted.reduce((total, { score }) => total + score, 0);
  return sum > 0 ? sum : undefined;
}
