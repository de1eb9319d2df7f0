import { expect } from "vitest";
import type { Mosaic } from "../../../src/engine/index.ts";
import { Analyzer } from "../../../src/text/index.ts";
import { docs } from "./engine.ts";

export const words =
  "apple banana cherry date elder fig grape running runner quick fox lazy dogs network networks".split(" ");
export const bm25 = { scorers: [{ name: "bm25" }], fusion: "max" } as const;
const analyzer = Analyzer.of("english");

/** BM25 of every document by the definition. */
function textbook(texts: ReadonlyMap<string, string>, query: string): Map<string, number> {
  const terms = [...new Set(analyzer.terms(query))];
  const all = [...texts].map(([id, text]) => ({ id, terms: analyzer.terms(text) }));
  const average = all.reduce((sum, one) => sum + one.terms.length, 0) / all.length;
  const scores = new Map<string, number>();
  for (const { id, terms: own } of all) {
    let score = 0;
    for (const term of terms) {
      const holding = all.filter((one) => one.terms.includes(term)).length;
      const idf = Math.log(1 + (all.length - holding + 0.5) / (holding + 0.5));
      const f = own.filter((one) => one === term).length;
      score += (idf * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * own.length) / average));
    }
    if (score > 0) scores.set(id, score);
  }
  return scores;
}

/** The collection scores exactly these texts, each as the textbook does, to 1e-9. */
export async function expectTextbook(engine: Mosaic, texts: ReadonlyMap<string, string>, query: string): Promise<void> {
  const expected = textbook(texts, query);
  const { results } = await engine.hybrid(docs, { query, limit: 1000, ranker: bm25, include: ["scores"] });
  expect(new Set(results.map(({ id }) => id))).toEqual(new Set(expected.keys()));
  for (const { id, scores } of results)
    expect(Math.abs((scores?.["bm25"] ?? 0) - (expected.get(id) as number))).toBeLessThan(1e-9);
  const order = results.map(({ scores }) => scores?.["bm25"] as number);
  expect(order).toEqual(order.toSorted((a, b) => b - a));
}
