import { epochMsOf } from "../base/index.ts";
import {
  freshness,
  freshnessStep,
  fuse,
  type RankedDocument,
  type Ranker,
  type ScoredBy,
  type Scorer,
} from "../ranking/index.ts";
import { byScore, type RowFeatures } from "../search/index.ts";
import type { Metadata } from "./api.ts";
import { invalid } from "./check-document.ts";
import type { Collection } from "./collection.ts";
import type { RankedHit } from "./search-answer.ts";
import type { SearchParts } from "./search-parts.ts";
import { wholeDocument } from "./whole-document.ts";

/** The rows in their order by all scorers together. */
export async function scoreRows(
  from: SearchParts,
  collection: Collection,
  rows: readonly RowFeatures[],
  ranker: Ranker,
  timeoutMs: number,
  byMeaning: boolean,
): Promise<readonly (RankedHit & { readonly features: RowFeatures })[]> {
  const nowMs = from.parts.clock.now();
  const scorers = await Promise.all(
    ranker.scorers.map(async (scorer): Promise<ScoredBy> => {
      const { distance } = collection.log.manifest.settings;
      const values = await valuesOf(from, collection, scorer, rows, nowMs, timeoutMs);
      const steps = scorer.name === "freshness" ? { steps: freshnessSteps(scorer, rows, nowMs) } : {};
      return { weight: scorer.weight, values, scale: scaleOf(scorer, distance), ...steps };
    }),
  );
  const names = scorerNames(ranker.scorers);
  const { scores, parts } = fuse(scorers, ranker.fusion, rows.length);
  const hits = rows.map((features, at) => {
    const values = names.flatMap((name, scorer) => {
      const value = scorers[scorer]?.values[at];
      return value === null || value === undefined ? [] : [[name, value] as const];
    });
    const score = scores[at] as number;
    const shown = byMeaning ? values : values.filter(([name]) => name !== "vector_similarity");
    return {
      id: features.id,
      score,
      document: features.document,
      vector: features.vector,
      ...(features.shard === "" ? {} : { place: { shard: features.shard, row: features.row } }),
      scores: { ...Object.fromEntries(shown), fused: score },
      contributions: Object.fromEntries(
        names.flatMap((name, scorer) => (parts[scorer] === undefined ? [] : [[name, parts[scorer]?.[at] as number]])),
      ),
      features,
    };
  });
  return hits.sort(byScore);
}

async function valuesOf(
  { sql: expressions }: SearchParts,
  collection: Collection,
  { name, half_life_days: halfLifeDays = defaultHalfLifeDays, sql, score }: Scorer,
  rows: readonly RowFeatures[],
  nowMs: number,
  timeoutMs: number,
): Promise<readonly (number | null)[]> {
  switch (name) {
    case "vector_similarity":
      return rows.map(({ similarity }) => similarity);
    case "bm25":
      return rows.map(({ bm25 }) => (bm25 > 0 ? bm25 : null));
    case "pagerank":
      return rows.map(({ pagerank }) => pagerank);
    case "freshness":
      return rows.map(({ createdAt }) => freshness(epochMsOf(createdAt), nowMs, halfLifeDays));
    case "custom":
      return score === undefined ? rows.map(() => null) : rows.map((row) => called(score, row));
    case "expression":
      return await expressions.evaluate(collection, sql ?? "", rows.map(wholeDocument), timeoutMs);
  }
}

const defaultHalfLifeDays = 14;

const freshnessSteps = (
  { half_life_days: days = defaultHalfLifeDays }: Scorer,
  rows: readonly RowFeatures[],
  nowMs: number,
) => rows.map(({ createdAt }) => freshnessStep(epochMsOf(createdAt), nowMs, days));

function scaleOf({ name }: Scorer, distance: "cosine" | "l2" | "dot"): ScoredBy["scale"] {
  if (name === "freshness" || (name === "vector_similarity" && distance !== "dot")) return "clamped";
  return name === "bm25" || name === "pagerank" ? "by_most" : "by_range";
}

/** `expression`, `expression_2`, … */
function scorerNames(scorers: readonly Scorer[]): readonly string[] {
  const seen = new Map<string, number>();
  return scorers.map(({ name }) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}

function called(
  score: (document: RankedDocument) => number,
  { id, document, createdAt, pagerank }: RowFeatures,
): number | null {
  const metadata = JSON.parse(document?.metadata ?? "{}") as Metadata;
  const value = score({ id, text: document?.text ?? "", metadata, created_at: createdAt, pagerank });
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(
    "invalid_score",
    `The custom scorer gave ${String(value)} for ${JSON.stringify(id)}; it must give a finite number.`,
  );
}
