import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { packageRoot } from "../src/base/index.ts";
import { clusteredVectors } from "../test/support/vectors.ts";

/** Folder with debian.ndjson.gz and debian.vectors.f16; the benchmarks' only input. */
export const dataFolder = process.env["MOSAIC_BENCH_DATA"] ?? join(packageRoot, "..", "shared", "data");

export const hasData = (): boolean => existsSync(join(dataFolder, "debian.vectors.f16"));

export interface BenchDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Record<string, unknown>;
}

export const dimensions = 384;

/** Where the real set is absent, so many generated vectors stand in: the figures then say little, but the code ran. */
const generatedRows = 20_000;

export function readDocuments(): readonly BenchDocument[] {
  if (!hasData())
    return Array.from({ length: generatedRows }, (_, at) => ({ id: `g${at}`, text: `document ${at}`, metadata: {} }));
  const lines = gunzipSync(readFileSync(join(dataFolder, "debian.ndjson.gz")))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as BenchDocument);
}

/** Row-major, unit length. */
export function readVectors(): Float32Array {
  if (!hasData()) return clusteredVectors(generatedRows, dimensions, 1, 200);
  const bytes = readFileSync(join(dataFolder, "debian.vectors.f16"));
  return Float32Array.from(new Float16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2));
}

export const rowOf = (matrix: Float32Array, row: number): Float32Array =>
  matrix.subarray(row * dimensions, (row + 1) * dimensions);
