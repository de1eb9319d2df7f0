import { epochMsOf, parseTimestamp } from "../base/index.ts";
import type { AsOf } from "../lifecycle/index.ts";
import type { IncludeField, SearchRequest } from "./api.ts";
import { invalid } from "./check-document.ts";
import { checkRanker } from "./check-ranker.ts";

export const maxLimit = 1000;
export const maxOffset = 10_000;
const includable: readonly IncludeField[] = ["text", "metadata", "embedding", "scores", "highlights"];

/** `semantic` wants one of query and vector; `hybrid` takes both, the vector instead of one made of the query. */
export type SearchKind = "semantic" | "hybrid";

/** A complete search request. Throws `invalid` for anything that is out of bounds. */
export function checkSearch(input: Partial<SearchRequest>, kind: SearchKind): SearchRequest {
  const {
    limit = 10,
    offset = 0,
    include = ["text", "metadata"],
    recall = "balanced",
    consistency = "strong",
    explain = false,
  } = input;
  if (input.query === undefined && input.vector === undefined) {
    throw invalid("query_or_vector", "Send query (a text) or vector (an array of numbers).");
  }
  if (kind === "semantic" && input.query !== undefined && input.vector !== undefined) {
    throw invalid("query_or_vector", "Send exactly one of query (a text) and vector (an array of numbers).");
  }
  if (input.query !== undefined && (typeof input.query !== "string" || input.query.trim() === "")) {
    throw invalid("empty_query", "The query is empty; send a text with at least one visible character.");
  }
  if (input.query !== undefined && !input.query.isWellFormed()) {
    throw invalid("invalid_utf8", "The query holds half of a surrogate pair; send valid Unicode.");
  }
  within("limit", limit, 1, maxLimit);
  within("offset", offset, 0, maxOffset);
  if (input.shard_limit !== undefined) within("shard_limit", input.shard_limit, 1, 1_000_000);
  if (input.timeout_ms !== undefined) within("timeout_ms", input.timeout_ms, 1, 600_000);
  checkAsOf(input.as_of);
  oneOf("recall", recall, ["fast", "balanced", "exact"]);
  oneOf("consistency", consistency, ["strong", "eventual"]);
  for (const field of include) oneOf("include", field, includable);
  if (input.where !== undefined && (typeof input.where !== "string" || input.where.trim() === "")) {
    throw invalid("sql_syntax", "where is empty; leave it out, or send a condition.");
  }
  if (input.ranker !== undefined) checkRanker(input.ranker);
  if (input.min_score !== undefined && !Number.isFinite(input.min_score))
    throw invalid("invalid_min_score", "min_score is not a finite number.");
  return { ...input, limit, offset, include, recall, consistency, explain };
}

/** A generation's number, or a time. Throws `invalid` (code `invalid_as_of`) for anything else. */
export function checkAsOf(asOf: number | string | undefined): AsOf | undefined {
  if (asOf === undefined) return undefined;
  const generation = typeof asOf === "number" || /^\d{1,15}$/.test(asOf) ? Number(asOf) : undefined;
  if (generation !== undefined && Number.isSafeInteger(generation) && generation >= 1) return { generation };
  const time = typeof asOf === "string" && generation === undefined ? parseTimestamp(asOf) : undefined;
  if (time !== undefined) return { atMs: epochMsOf(time) };
  throw invalid("invalid_as_of", "as_of is the number of a generation, or a time such as 2024-03-01T10:00:00Z.");
}

export function within(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(`invalid_${field}`, `${field} is a whole number from ${least} to ${most}.`);
}

export function oneOf<T extends string>(field: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw invalid(`invalid_${field}`, `${field} can be: ${allowed.join(", ")}.`);
}
