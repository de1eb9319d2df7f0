const dayMs = 86_400_000;

/** 1 for now or later, a half after one half-life, a quarter after two. */
export function freshness(createdMs: number, nowMs: number, halfLifeDays: number): number {
  return 2 ** (-Math.max(0, nowMs - createdMs) / (halfLifeDays * dayMs));
}

/**
 * What `rrf` ranks by: whole steps of age, a thousandth of a half-life each (20 minutes of 14 days), the newest 0 and the
 * others below. Documents of one import differ by milliseconds, which says nothing of them.
 */
export function freshnessStep(createdMs: number, nowMs: number, halfLifeDays: number): number {
  return -Math.floor(Math.max(0, nowMs - createdMs) / ((halfLifeDays * dayMs) / 1000));
}
