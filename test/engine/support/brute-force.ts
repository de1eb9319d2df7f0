import type { Distance } from "../../../src/engine/index.ts";

export interface Scored {
  readonly id: string;
  readonly score: number;
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const length = (a: readonly number[]): number => Math.sqrt(dot(a, a));

/** Larger is nearer, as docs/api.md defines the scores. */
export function scoreOf(distance: Distance, query: readonly number[], vector: readonly number[]): number {
  if (distance === "dot") return dot(query, vector);
  if (distance === "l2") return 1 / (1 + length(query.map((x, i) => x - (vector[i] ?? 0))));
  return dot(query, vector) / (length(query) * length(vector));
}

/** Every document with a vector, best first. */
export function ranking(
  distance: Distance,
  query: readonly number[],
  documents: Iterable<readonly [string, readonly number[] | undefined]>,
): Scored[] {
  const scored: Scored[] = [];
  for (const [id, vector] of documents) {
    if (vector !== undefined) scored.push({ id, score: scoreOf(distance, query, vector) });
  }
  return scored.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}

/**
 * What is wrong with `found` as the first of `expected`, or undefined: the same scores in the same order to 1e-6, no
 * id twice, and every id one that has that score (ties may come in either order).
 */
export function differenceFrom(
  expected: readonly Scored[],
  found: readonly Scored[],
  { limit, offset = 0 }: { readonly limit: number; readonly offset?: number },
): string | undefined {
  const wanted = expected.slice(offset, offset + limit);
  if (found.length !== wanted.length) return `${found.length} results, expected ${wanted.length}`;
  if (new Set(found.map(({ id }) => id)).size !== found.length) return "an id came twice";
  const scores = new Map(expected.map(({ id, score }) => [id, score]));
  for (const [at, { id, score }] of found.entries()) {
    const own = scores.get(id);
    if (own === undefined) return `${id} is not in the collection`;
    if (Math.abs(own - score) > 1e-6) return `${id} has the score ${score}, expected ${own}`;
    if (Math.abs((wanted[at] as Scored).score - score) > 1e-6)
      return `place ${at} has the score ${score}, expected ${(wanted[at] as Scored).score}`;
  }
  return undefined;
}
