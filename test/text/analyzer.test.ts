import { describe, expect, test } from "vitest";
import { Analyzer, bestPassage, isLanguage, languageNames, parseTextQuery } from "../../src/text/index.ts";

const english = Analyzer.of("english");

describe("terms of a text", () => {
  test.each([
    ["case", "Image IMAGES imaging", ["imag", "imag", "imag"]],
    ["diacritics", "café naïve Crème-Brûlée Ångström Łódź", ["cafe", "naiv", "creme", "brule", "angstrom", "lodz"]],
    ["compatibility forms", "ﬁne Ｆｕｌｌ ①", ["fine", "full", "1"]],
    ["letters that stand for two", "Straße Æther œuvre", ["strass", "aether", "oeuvr"]],
    ["signs", "foo_bar e-mail C++ 3.14 a/b", ["foo", "bar", "e", "mail", "c", "3", "14", "a", "b"]],
    ["apostrophes", "author's don’t 'quoted'", ["author", "don't", "quot"]],
    ["nothing", " … !? ", []],
  ])("%s", (_what, text, terms) => {
    expect(english.terms(text)).toEqual(terms);
    expect(english.tokens(text).map(({ term }) => term)).toEqual(terms);
  });

  test("scripts without blanks are cut into words", () => {
    expect(english.terms("東京都に住んでいます")).toContain("東京");
    expect(english.terms("我爱北京天安门")).toEqual(expect.arrayContaining(["北京", "天安门"]));
    expect(english.terms("ภาษาไทย")).toEqual(["ภาษา", "ไทย"]);
    expect(english.terms("SQLite は速い")).toContain("sqlite");
  });

  test("are where they are said to be", () => {
    const text = "Das Café in 東京 heißt “Straße”.";
    for (const { term, start, end } of Analyzer.of("none").tokens(text))
      expect(Analyzer.of("none").terms(text.slice(start, end))).toEqual([term]);
  });

  test("are stemmed by the language", () => {
    expect(Analyzer.of("german").terms("Häuser laufen")).toEqual(Analyzer.of("de").terms("haus lauf"));
    expect(Analyzer.of("french").terms("continuellement")).toEqual(["continuel"]);
    expect(Analyzer.of("russian").terms("Важная")).toEqual(Analyzer.of("ru").terms("важный"));
    expect(Analyzer.of("none").terms("Running networks")).toEqual(["running", "networks"]);
  });

  test("of a very long word are its beginning", () => {
    expect(Analyzer.of("none").terms("x".repeat(100_000))).toEqual(["x".repeat(64)]);
    expect(Analyzer.of("none").terms(`é${"x".repeat(100_000)}`)).toEqual([`e${"x".repeat(63)}`]);
  });

  test("every language that is offered has stems, and no other", () => {
    for (const language of languageNames) {
      expect(isLanguage(language)).toBe(true);
      expect(Analyzer.of(language).terms("word")).toHaveLength(1);
    }
    expect(isLanguage("klingon")).toBe(false);
  });
});

describe("a text query", () => {
  const parse = (text: string) => parseTextQuery(text, english);

  test("knows words, phrases, signs and beginnings", () => {
    expect(parse('neural "image editors" +gimp -photos net*')).toEqual({
      clauses: [
        { kind: "term", terms: ["neural"], occur: "should" },
        { kind: "phrase", terms: ["imag", "editor"], occur: "should" },
        { kind: "term", terms: ["gimp"], occur: "must" },
        { kind: "term", terms: ["photo"], occur: "never" },
        { kind: "prefix", terms: ["net", "net"], occur: "should" },
      ],
      plain: "neural image editors gimp net*",
    });
  });

  test.each([
    ["a hyphen within a word", "e-mail", ["should", "should"]],
    ["a sign that stands alone", "a - b + c", ["should", "should", "should"]],
    ["signs behind a word", "C++", ["should"]],
    ["a quote that does not end", '"image editor', ["should"]],
    ["an excluded word of two terms", "-e-mail", ["never"]],
    ["an excluded phrase", '-"image editor"', ["never"]],
  ])("%s", (_what, text, occurs) => {
    expect(parse(text).clauses.map(({ occur }) => occur)).toEqual(occurs);
  });

  test("of signs alone looks for nothing", () => {
    expect(parse(' "" + - * ').clauses).toEqual([]);
  });

  test("is cut off where it is too long", () => {
    expect(parse(Array.from({ length: 1000 }, (_, at) => `word${at}`).join(" ")).clauses).toHaveLength(256);
  });
});

describe("the best passage", () => {
  const marks = { before: "[", after: "]", maxChars: 60 };
  const text = `${"filler ".repeat(40)}an image editor edits images ${"more filler ".repeat(40)}an editor`;

  const weighing = (weights: Readonly<Record<string, number>>) => (term: string) => weights[term] ?? 0;

  test("shows most of the terms, marked in all their forms, and no more than asked", () => {
    const passage = bestPassage(text, weighing({ imag: 2, editor: 1 }), english, marks) as string;
    expect(passage).toContain("[image] [editor] edits [images]");
    expect(passage.length).toBeLessThan(75);
    expect(passage.startsWith("…") && passage.endsWith("…")).toBe(true);
  });

  test("is all of a short text", () => {
    expect(bestPassage("An image.", weighing({ imag: 1 }), english, marks)).toBe("An [image].");
  });

  test("is none where no term is", () => {
    expect(bestPassage(text, weighing({ zebra: 1 }), english, marks)).toBeUndefined();
  });

  test("has what is around it where words are written without blanks, and cuts between characters", () => {
    const chinese = `${"我们在学校里学习很多东西。".repeat(20)}北京天安门很大。${"🀄".repeat(100)}`;
    const passage = bestPassage(chinese, weighing({ 北京: 1 }), english, marks) as string;
    expect(passage).toContain("[北京]天安门很大");
    expect(passage.indexOf("[")).toBeGreaterThan(20);
    expect(passage.length).toBeLessThan(70);
    expect(passage.isWellFormed()).toBe(true);
  });

  test("is escaped, but for the marks", () => {
    const escaped = (plain: string) => plain.replaceAll("<", "&lt;");
    const found = bestPassage("<b>image</b>", weighing({ imag: 1 }), english, { ...marks, escaped });
    expect(found).toBe("&lt;b>[image]&lt;/b>");
  });
});
