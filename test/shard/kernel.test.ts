import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/index.ts";
import { codeBits, encodeCell, Kernel } from "../../src/shard/index.ts";
import { VectorMatrix } from "../../src/shard/kernel/matrix.ts";
import { clusteredVectors, debianVectors, dot, hasSharedData, rowOf, withoutSharedData } from "../support/vectors.ts";

const shapes = fc.record({
  dimensions: fc.oneof(fc.constantFrom(1, 2, 3, 7, 8, 15, 16, 17, 100, 384), fc.integer({ min: 1, max: 300 })),
  rows: fc.oneof(fc.constantFrom(1, 15, 16, 17, 511, 512), fc.integer({ min: 1, max: 512 })),
  seed: fc.nat(),
});

const random = (count: number, seed: number): Float32Array => {
  const next = seededRandom(seed);
  return Float32Array.from({ length: count }, () => 2 * next() - 1);
};

const meanOf = (vectors: Float32Array, rows: number, dimensions: number): Float32Array => {
  const sums = new Float64Array(dimensions);
  for (let at = 0; at < rows * dimensions; at++) (sums[at % dimensions] as number) += vectors[at] as number;
  return Float32Array.from(sums, (sum) => sum / rows);
};

describe("kernel arithmetic", () => {
  const kernel = Kernel.load();

  test("inner products equal the plain sum", () => {
    fc.assert(
      fc.property(shapes, ({ dimensions, rows, seed }) => {
        const vectors = random(rows * dimensions, seed);
        const query = random(dimensions, seed + 1);
        const values = kernel.dots(query, vectors, rows);
        const resident = new VectorMatrix(vectors, dimensions).dots(query);
        for (let row = 0; row < rows; row++) {
          const expected = dot(query, rowOf(vectors, row, dimensions));
          expect(values[row]).toBeCloseTo(expected, 3);
          expect(resident[row]).toBeCloseTo(expected, 3);
        }
      }),
    );
  });

  test("Hamming distances equal the number of bits that differ", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 }), fc.nat(), (words, rows, seed) => {
        const next = seededRandom(seed);
        const bytes = words * 16;
        const codes = Uint8Array.from({ length: rows * bytes }, () => next() * 256);
        const query = Uint8Array.from({ length: bytes }, () => next() * 256);
        const expected = Array.from({ length: rows }, (_, row) =>
          query.reduce((sum, byte, at) => sum + bitsOf(byte ^ (codes[row * bytes + at] as number)), 0),
        );
        expect([...kernel.hamming(codes, query, rows)]).toEqual(expected);
      }),
    );
  });

  test("the rotation keeps lengths and angles, and is the same in every instance", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(), (dimensions, seed) => {
        const vectors = random(2 * dimensions, seed);
        const [before, lengths] = [
          dot(vectors.subarray(0, dimensions), vectors.subarray(dimensions)),
          dot(vectors, vectors),
        ];
        const rotated = kernel.rotate(vectors.slice(), dimensions, 2);
        expect(dot(rotated.subarray(0, dimensions), rotated.subarray(dimensions))).toBeCloseTo(before, 3);
        expect(dot(rotated, rotated)).toBeCloseTo(lengths, 3);
        expect(Kernel.load().rotate(vectors.slice(), dimensions, 2)).toEqual(rotated);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a scan of codes", () => {
  const kernel = Kernel.load();

  /** RaBitQ's estimate with an unquantised query, from the stored bits and factors. */
  function estimates(
    cell: ReturnType<typeof encodeCell>,
    query: Float32Array,
    rows: number,
    centroidDot: number,
  ): number[] {
    const dimensions = query.length;
    const rotated = kernel.rotate(query.slice(), dimensions, 1);
    const codeBytes = codeBits(dimensions) / 8;
    const scales = new Float32Array(cell.scales.buffer, cell.scales.byteOffset, rows);
    return Array.from({ length: rows }, (_, row) => {
      let signed = 0;
      rotated.forEach((value, i) => {
        const bit = ((cell.codes[row * codeBytes + (i >> 3)] as number) >> (i & 7)) & 1;
        signed += bit === 1 ? value : -value;
      });
      return centroidDot + (scales[row] as number) * signed;
    });
  }

  test("finds the rows with the best estimates, within what 4 bits of query cost", () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 60 }), ({ dimensions, rows, seed }, wanted) => {
        const vectors = clusteredVectors(rows, dimensions, seed);
        const centroid = meanOf(vectors, rows, dimensions);
        const cell = encodeCell(vectors, centroid, dimensions, kernel);
        const query = clusteredVectors(1, dimensions, seed + 1);
        const centroidDot = dot(query, centroid);
        const expected = estimates(cell, query, rows, centroidDot);
        const resident = kernel.loadCell(cell.codes, cell.scales, rows, codeBits(dimensions) / 8);
        kernel.beginCodes(query, dimensions, wanted);
        kernel.scanCell(resident, centroidDot, 1000);
        const { refs, estimates: found } = kernel.best();
        kernel.freeCell(resident);
        expect(refs.length).toBe(Math.min(wanted, rows));
        expect(new Set(refs).size).toBe(refs.length);
        // A level of the query is (max − min)/15; rounding moves each coordinate by half of one at most.
        const rotated = kernel.rotate(query.slice(), dimensions, 1);
        // Codes are padded to whole bytes, with zeros that count as coordinates.
        const padding = Array.from({ length: codeBits(dimensions) - dimensions }, () => 0);
        const half = (Math.max(...rotated, ...padding) - Math.min(...rotated, ...padding)) / 30;
        const scales = new Float32Array(cell.scales.buffer, cell.scales.byteOffset, rows);
        refs.forEach((ref, at) => {
          const row = ref - 1000;
          const tolerance = (scales[row] as number) * half * codeBits(dimensions) + 1e-4;
          expect(Math.abs((found[at] as number) - (expected[row] as number))).toBeLessThanOrEqual(tolerance);
        });
        expect([...found]).toEqual([...found].toSorted((a, b) => b - a));
      }),
      { numRuns: 60 },
    );
  });

  test("leaves out dead rows", () => {
    const [dimensions, rows] = [32, 100];
    const vectors = clusteredVectors(rows, dimensions, 5);
    const cell = encodeCell(vectors, meanOf(vectors, rows, dimensions), dimensions, kernel);
    const resident = kernel.loadCell(cell.codes, cell.scales, rows, 4);
    const live = new Uint8Array(64);
    for (let row = 0; row < rows; row += 3) (live[row >> 3] as number) |= 1 << (row & 7);
    kernel.beginCodes(rowOf(vectors, 0, dimensions), dimensions, rows);
    kernel.scanCell(resident, 0, 0, live);
    expect([...kernel.best().refs].sort((a, b) => a - b)).toEqual(Array.from({ length: 34 }, (_, at) => at * 3));
  });

  test("is the same after an exact scan, which uses the same memory", () => {
    const vectors = clusteredVectors(512, 384, 2);
    const query = clusteredVectors(1, 384, 3);
    const cell = encodeCell(vectors, meanOf(vectors, 512, 384), 384, kernel);
    const scan = (used: Kernel) => {
      const resident = used.loadCell(cell.codes, cell.scales, 512, 48);
      used.beginCodes(query, 384, 20);
      used.scanCell(resident, 0.5, 0);
      return used.best();
    };
    const used = Kernel.load();
    used.beginExact(query, 384, "cosine", 5);
    used.scanInt8(new Uint8Array(cell.int8.buffer), cell.exactFactors, 512, 0);
    expect(scan(used)).toEqual(scan(Kernel.load()));
  });

  test("gives memory back", () => {
    const fresh = Kernel.load();
    const vectors = clusteredVectors(512, 64, 1);
    const cell = encodeCell(vectors, meanOf(vectors, 512, 64), 64, fresh);
    const load = () => fresh.loadCell(cell.codes, cell.scales, 512, 8);
    for (let round = 0; round < 5; round++) {
      const cells = Array.from({ length: 50 }, load);
      expect(fresh.residentBytes).toBeGreaterThanOrEqual(50 * 512 * 8);
      for (const resident of cells) fresh.freeCell(resident);
      expect(fresh.residentBytes).toBe(0);
    }
  });

  test.skipIf(!hasSharedData)(`estimates real vectors without bias, nearly (${withoutSharedData} otherwise)`, () => {
    const [dimensions, rows] = [384, 512];
    const vectors = debianVectors(rows + 50);
    const cellVectors = vectors.slice(0, rows * dimensions);
    const centroid = meanOf(cellVectors, rows, dimensions);
    const cell = encodeCell(cellVectors, centroid, dimensions, kernel);
    const resident = kernel.loadCell(cell.codes, cell.scales, rows, 48);
    const errors: number[] = [];
    for (let q = rows; q < rows + 50; q++) {
      const query = rowOf(vectors, q, dimensions);
      kernel.beginCodes(query, dimensions, rows);
      kernel.scanCell(resident, dot(query, centroid), 0);
      const { refs, estimates: found } = kernel.best();
      refs.forEach((row, at) => errors.push((found[at] as number) - dot(query, rowOf(vectors, row, dimensions))));
    }
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / errors.length);
    expect(Math.abs(mean)).toBeLessThan(0.005);
    expect(deviation).toBeLessThan(0.05);
  });
});

describe("an exact scan", () => {
  const kernel = Kernel.load();
  const metrics = {
    cosine: (query: Float32Array, x: Float32Array) => dot(query, x),
    dot: (query: Float32Array, x: Float32Array) => dot(query, x),
    l2: (query: Float32Array, x: Float32Array) => 2 * dot(query, x) - dot(x, x),
  };

  test.each(["cosine", "dot", "l2"] as const)("always keeps the true best: %s", (metric) => {
    fc.assert(
      fc.property(
        shapes,
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        ({ dimensions, rows, seed }, wanted, size) => {
          const length = metric === "cosine" ? 1 : size;
          const vectors = clusteredVectors(rows, dimensions, seed).map((value) => value * length);
          const query = clusteredVectors(1, dimensions, seed + 1).map(
            (value) => value * (metric === "cosine" ? 1 : size / 3),
          );
          const cell = encodeCell(vectors, meanOf(vectors, rows, dimensions), dimensions, kernel);
          kernel.beginExact(query, dimensions, metric, wanted);
          kernel.scanInt8(new Uint8Array(cell.int8.buffer), cell.exactFactors, rows, 0);
          const kept = new Set(kernel.exactCandidates().refs);
          const scores = Array.from({ length: rows }, (_, row) =>
            metrics[metric](query, rowOf(vectors, row, dimensions)),
          );
          const worst = scores.toSorted((a, b) => b - a)[Math.min(wanted, rows) - 1] as number;
          scores.forEach((score, row) => {
            if (score >= worst)
              expect(kept.has(row), `row ${row} scores ${score}, the last wanted ${worst}`).toBe(true);
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  test("keeps few more than asked for", () => {
    const vectors = clusteredVectors(512, 128, 3);
    const cell = encodeCell(vectors, meanOf(vectors, 512, 128), 128, kernel);
    kernel.beginExact(rowOf(vectors, 7, 128), 128, "cosine", 10);
    kernel.scanInt8(new Uint8Array(cell.int8.buffer), cell.exactFactors, 512, 0);
    const { length } = kernel.exactCandidates().refs;
    expect(length).toBeGreaterThanOrEqual(10);
    expect(length).toBeLessThan(60);
  });
});

test("the compiled kernel is small and needs nothing from outside", () => {
  const bytes = readFileSync(new URL("../../src/shard/kernel/kernel.wasm", import.meta.url));
  expect(Object.keys(new WebAssembly.Instance(new WebAssembly.Module(bytes), {}).exports)).toContain("scanCodes");
  expect(bytes.length).toBeLessThan(16_384);
});

function bitsOf(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}
