import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { freshness, freshnessStep, fuse, pageRank, type ScoredBy } from "../../src/ranking/index.ts";

const scorer = (values: readonly (number | null)[], weight = 1, scale: ScoredBy["scale"] = "by_range"): ScoredBy => ({
  values,
  weight,
  scale,
});

describe("reciprocal rank", () => {
  test("is Σ weight/(60 + rank), divided by the most that may be", () => {
    const { scores, parts } = fuse([scorer([9, 5, 1]), scorer([1, 2, 3], 3)], "rrf", 3);
    expect(scores[0]).toBeCloseTo((1 / 61 + 3 / 63) / (4 / 61), 12);
    expect(scores[2]).toBeCloseTo((1 / 63 + 3 / 61) / (4 / 61), 12);
    expect(parts[0]?.[0]).toBeCloseTo(0.25, 12);
  });
  test("gives equal values one rank, and the next the rank that it would have had", () => {
    const { scores } = fuse([scorer([5, 5, 1])], "rrf", 3);
    expect([...scores]).toEqual([1, 1, 61 / 63]);
  });
  test("ranks by steps where there are some: documents of one import are equally fresh", () => {
    const nowMs = Date.UTC(2026, 0, 1);
    const created = [0, 5, 90_000, 3 * 86_400_000].map((ageMs) => nowMs - ageMs);
    const fresh: ScoredBy = {
      ...scorer(created.map((at) => freshness(at, nowMs, 14))),
      steps: created.map((at) => freshnessStep(at, nowMs, 14)),
    };
    expect([...fuse([fresh], "rrf", 4).scores]).toEqual([1, 1, 1, 61 / 64]);
    const import_ = { ...fresh, values: fresh.values.slice(0, 3), steps: fresh.steps?.slice(0, 3) ?? [] };
    const { scores, parts } = fuse([scorer([3, 2, 1]), import_], "rrf", 3);
    expect(parts[1]).toBeUndefined();
    expect([...scores]).toEqual([...fuse([scorer([3, 2, 1])], "rrf", 3).scores]);
    expect(fuse([import_], "weighted_sum", 3).parts[0]).toBeDefined();
  });
  test("gives a candidate without a value nothing", () => {
    expect(fuse([scorer([5, null])], "rrf", 2).scores[1]).toBe(0);
  });
});

describe("fusion", () => {
  test("leaves out a scorer that says the same of all, and one without weight", () => {
    const alone = fuse([scorer([3, 2])], "rrf", 2);
    const { scores, parts } = fuse([scorer([3, 2]), scorer([7, 7], 5), scorer([1, 9], 0)], "rrf", 2);
    expect([...scores]).toEqual([...alone.scores]);
    expect(parts[1]).toBeUndefined();
    expect(parts[2]).toBeUndefined();
  });
  test("of nothing that tells candidates apart is 1 for all", () => {
    expect([...fuse([scorer([2, 2])], "weighted_sum", 2).scores]).toEqual([1, 1]);
  });
  test.each([
    ["clamped", [0.5, -0.2, 1.5], [0.5, 0, 1]],
    ["by_most", [4, 2, 0], [1, 0.5, 0]],
    ["by_range", [4, 2, -4], [1, 0.75, 0]],
  ] as const)("brings values to 0…1: %s", (scale, values, expected) => {
    expect([...fuse([scorer(values, 1, scale)], "weighted_sum", 3).scores]).toEqual(expected);
  });
  test("by max takes the largest, weighted", () => {
    const { scores } = fuse([scorer([1, 0]), scorer([0, 1], 0.5)], "max", 2);
    expect([...scores]).toEqual([1, 0.5]);
  });

  test("lies in 0…1, and is the sum of its parts", () => {
    const value = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }));
    const setting = fc.integer({ min: 1, max: 20 }).chain((count) =>
      fc.array(
        fc.record({
          weight: fc.double({ min: 0, max: 10, noNaN: true }),
          values: fc.array(value, { minLength: count, maxLength: count }),
          scale: fc.constantFrom("clamped" as const, "by_most" as const, "by_range" as const),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    );
    fc.assert(
      fc.property(
        setting,
        fc.constantFrom("rrf" as const, "weighted_sum" as const, "max" as const),
        (scorers, fusion) => {
          const count = scorers[0]?.values.length ?? 0;
          const { scores, parts } = fuse(scorers, fusion, count);
          for (let at = 0; at < count; at++) {
            expect(scores[at]).toBeGreaterThanOrEqual(0);
            expect(scores[at]).toBeLessThanOrEqual(1);
            const own = parts.flatMap((part) => (part === undefined ? [] : [part[at] as number]));
            if (own.length === 0) continue;
            const whole = fusion === "max" ? Math.max(0, ...own) : own.reduce((sum, one) => sum + one, 0);
            expect(scores[at]).toBeCloseTo(whole, 9);
          }
        },
      ),
    );
  });
});

test("freshness halves with each half-life, and the future is now", () => {
  const day = 86_400_000;
  expect(freshness(0, 0, 14)).toBe(1);
  expect(freshness(5 * day, 0, 14)).toBe(1);
  expect(freshness(0, 14 * day, 14)).toBe(0.5);
  expect(freshness(0, 28 * day, 14)).toBe(0.25);
});

describe("PageRank", () => {
  /** By the definition, with the whole matrix. */
  function dense(links: readonly (readonly number[])[], damping: number, iterations: number): number[] {
    const n = links.length;
    let ranks = links.map(() => 1 / n);
    for (let i = 0; i < iterations; i++) {
      ranks = links.map((_, to) => {
        const given = links.reduce((sum, out, from) => {
          const rank = ranks[from] as number;
          return sum + (out.length === 0 ? rank / n : out.includes(to) ? rank / out.length : 0);
        }, 0);
        return (1 - damping) / n + damping * given;
      });
    }
    return ranks;
  }

  const graph = fc
    .integer({ min: 1, max: 12 })
    .chain((n) => fc.array(fc.uniqueArray(fc.nat(n - 1)), { minLength: n, maxLength: n }));

  test("is what the matrix gives, dangling nodes and links to oneself included, and sums to 1", () => {
    fc.assert(
      fc.property(graph, (links) => {
        const starts = Uint32Array.from([0, ...links.map((_, at) => links.slice(0, at + 1).flat().length)]);
        const { ranks, iterations } = pageRank(starts, Uint32Array.from(links.flat()), {
          damping: 0.85,
          maxIterations: 20,
          tolerance: 0,
        });
        expect(iterations).toBe(20);
        dense(links, 0.85, 20).forEach((rank, at) => expect(ranks[at]).toBeCloseTo(rank, 12));
        expect(ranks.reduce((sum, rank) => sum + rank, 0)).toBeCloseTo(1, 12);
      }),
    );
  });

  test("ends when it no longer changes", () => {
    const { iterations, converged } = pageRank(Uint32Array.of(0, 1, 2), Uint32Array.of(1, 0), {
      damping: 0.85,
      maxIterations: 20,
      tolerance: 1e-6,
    });
    expect([iterations, converged]).toEqual([1, true]);
  });
});
