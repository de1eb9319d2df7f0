import { defaultRanker, fullRanker, type Ranker, type Scorer, type ScorerName } from "../ranking/index.ts";
import type { RankerSpec } from "./api.ts";
import { invalid } from "./check-document.ts";

const names: readonly ScorerName[] = ["vector_similarity", "bm25", "pagerank", "freshness", "expression", "custom"];
const mostScorers = 16;

/** A complete ranker. Throws `invalid` (`invalid_ranker`) for one that can't be. */
export function checkRanker(spec: RankerSpec): Ranker {
  if (spec === "full") return fullRanker;
  if (spec === "default") return defaultRanker;
  if (typeof spec !== "object") throw wrong('a ranker is "default", "full" or an object with scorers.');
  const { scorers, fusion = "rrf", min_score: minScore } = spec;
  if (!Array.isArray(scorers) || scorers.length === 0 || scorers.length > mostScorers)
    throw wrong(`scorers is a list of 1 to ${mostScorers}.`);
  if (!["rrf", "weighted_sum", "max"].includes(fusion)) throw wrong("fusion can be: rrf, weighted_sum, max.");
  if (minScore !== undefined && !Number.isFinite(minScore)) throw wrong("min_score is a number.");
  const checked = scorers.map((scorer) => checkScorer({ ...scorer, weight: scorer.weight ?? 1 }));
  const own = checked.filter(({ name }) => name !== "expression" && name !== "custom").map(({ name }) => name);
  if (new Set(own).size < own.length) throw wrong("name each scorer once.");
  return { scorers: checked, fusion, ...(minScore === undefined ? {} : { min_score: minScore }) };
}

function checkScorer(scorer: Scorer): Scorer {
  const { name, weight, k1, b, half_life_days: halfLife, sql, score } = scorer;
  if (!names.includes(name)) throw wrong(`${JSON.stringify(name)} is no scorer; there are: ${names.join(", ")}.`);
  if (!(Number.isFinite(weight) && weight >= 0)) throw wrong(`the weight of ${name} is a number from 0.`);
  if (k1 !== undefined && !(k1 >= 0 && k1 <= 100)) throw wrong("k1 is a number from 0 to 100.");
  if (b !== undefined && !(b >= 0 && b <= 1)) throw wrong("b is a number from 0 to 1.");
  if (halfLife !== undefined && !(halfLife > 0 && halfLife < 1e6)) throw wrong("half_life_days is a number above 0.");
  if (name === "expression" && (typeof sql !== "string" || sql.trim() === ""))
    throw wrong("an expression scorer needs sql: an expression over the document's columns.");
  if (sql !== undefined && name !== "expression" && name !== "custom") throw wrong(`${name} takes no sql.`);
  if (score !== undefined && typeof score !== "function") throw wrong("score is a function.");
  return scorer;
}

const wrong = (detail: string) => invalid("invalid_ranker", `In ranker: ${detail}`);
