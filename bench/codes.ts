/**
 * Which binary code is the better trade: signs of the vectors themselves, or RaBitQ's (rotated, centred on the cell,
 * with a correction)? Recall@10 after rescoring the best R by code, and the time of a scan. npm run bench:codes
 */
import { bisect, codeBits, encodeCell, Kernel } from "../src/shard/index.ts";
import { dimensions, readVectors, rowOf } from "./data.ts";
import { percentile } from "./vector/measure.ts";

const cellRows = 512;
const queryCount = 200;
const kernel = Kernel.load();

const all = readVectors();
const known = all.length / dimensions;
const step = Math.floor(known / queryCount);
const isQuery = (row: number): boolean => row % step === 0 && row / step < queryCount;
const rows = Array.from({ length: known }, (_, row) => row).filter((row) => !isQuery(row));
const queries = Array.from({ length: queryCount }, (_, at) => rowOf(all, at * step));
const unordered = new Float32Array(rows.length * dimensions);
rows.forEach((row, at) => unordered.set(rowOf(all, row), at * dimensions));
const order = bisect(unordered, rows.length, dimensions, cellRows, kernel);
const vectors = new Float32Array(unordered.length);
order.forEach((from, to) => vectors.set(rowOf(unordered, from), to * dimensions));

const truth = queries.map((query) => top(kernel.dots(query, vectors, rows.length), 10, 1));

/** Positions of the `count` largest (sign 1) or smallest (sign −1) values. */
function top(values: ArrayLike<number>, count: number, sign: 1 | -1): readonly number[] {
  const positions = Uint32Array.from({ length: values.length }, (_, at) => at);
  return [
    ...positions.sort((a, b) => sign * ((values[b] as number) - (values[a] as number)) || a - b).subarray(0, count),
  ];
}

/** Recall@10 when the first R of each query's candidates are scored exactly. */
function recallAt(candidates: readonly (readonly number[])[], rescored: number): number {
  const found = candidates.map((list, at) => {
    const wanted = new Set(truth[at]);
    // The true ten among the candidates are the ten that exact scores put first.
    return list.slice(0, rescored).filter((row) => wanted.has(row)).length;
  });
  return found.reduce((sum, count) => sum + count, 0) / (10 * queryCount);
}

function signsOf(vector: Float32Array): Uint8Array {
  const code = new Uint8Array(codeBits(dimensions) / 8);
  vector.forEach((value, i) => {
    if (value > 0) code[i >> 3] = (code[i >> 3] as number) | (1 << (i & 7));
  });
  return code;
}

function signCodes(): { candidates: readonly number[][]; ms: readonly number[] } {
  const codes = new Uint8Array((rows.length * dimensions) / 8);
  for (let row = 0; row < rows.length; row++) codes.set(signsOf(rowOf(vectors, row)), (row * dimensions) / 8);
  const ms: number[] = [];
  const candidates = queries.map((query) => {
    const startedMs = performance.now();
    const distances = kernel.hamming(codes, signsOf(query), rows.length);
    ms.push(performance.now() - startedMs);
    return [...top(distances, 400, -1)];
  });
  return { candidates, ms };
}

function rabitq(wanted: number): { candidates: readonly number[][]; ms: readonly number[] } {
  const cells = Array.from({ length: Math.ceil(rows.length / cellRows) }, (_, at) => {
    const part = vectors.slice(at * cellRows * dimensions, (at + 1) * cellRows * dimensions);
    const count = part.length / dimensions;
    const centroid = new Float32Array(dimensions);
    part.forEach((value, i) => {
      centroid[i % dimensions] = (centroid[i % dimensions] as number) + value / count;
    });
    const { codes, scales } = encodeCell(part, centroid, dimensions, kernel);
    return { centroid, cell: kernel.loadCell(codes, scales, count, codeBits(dimensions) / 8), first: at * cellRows };
  });
  const centroids = new Float32Array(cells.length * dimensions);
  cells.forEach(({ centroid }, at) => centroids.set(centroid, at * dimensions));
  const ms: number[] = [];
  const candidates = queries.map((query) => {
    const startedMs = performance.now();
    const dots = kernel.dots(query, centroids, cells.length);
    kernel.beginCodes(query, dimensions, wanted);
    cells.forEach(({ cell, first }, at) => kernel.scanCell(cell, dots[at] as number, first));
    const { refs } = kernel.best();
    ms.push(performance.now() - startedMs);
    return [...refs];
  });
  for (const { cell } of cells) kernel.freeCell(cell);
  return { candidates, ms };
}

const rescored = [10, 20, 30, 50, 100, 200, 400];
console.log(`${rows.length} vectors, ${queryCount} held-out queries; recall@10 after rescoring R`);
console.log(`${"".padEnd(22)}${rescored.map((r) => `R=${r}`.padStart(8)).join("")}   scan ms (p50)`);
for (const [name, { candidates, ms }] of [
  ["signs", signCodes()],
  ["RaBitQ, by cell", rabitq(400)],
] as const) {
  const recalls = rescored.map((r) => recallAt(candidates, r).toFixed(4).padStart(8)).join("");
  console.log(`${name.padEnd(22)}${recalls}   ${percentile(ms, 50).toFixed(2)}`);
}
