const dayMs = 86_400_000;

/** 1 for now or later, a half after one half-life, a quarter after two. */
export function freshness(createdMs: number, nowMs: number, halfLifeDays: number): number {
  return 2 ** (-Math.max(0, nowMs - createdMs) / (halfLifeDays * dayMs));
}
