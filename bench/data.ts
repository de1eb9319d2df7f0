import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { packageRoot } from "../src/base/index.ts";

/** Folder with debian.ndjson.gz and debian.vectors.f16; the benchmarks' only input. */
export const dataFolder = process.env["MOSAIC_BENCH_DATA"] ?? join(packageRoot, "..", "shared", "data");

export const hasData = (): boolean => existsSync(join(dataFolder, "debian.vectors.f16"));

export interface BenchDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Record<string, unknown>;
}

export const dimensions = 384;

export function readDocuments(): readonly BenchDocument[] {
  const lines = gunzipSync(readFileSync(join(dataFolder, "debian.ndjson.gz")))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as BenchDocument);
}

/** Row-major, unit length. */
export function readVectors(): Float32Array {
  const bytes = readFileSync(join(dataFolder, "debian.vectors.f16"));
  return Float32Array.from(new Float16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2));
}

export const rowOf = (matrix: Float32Array, row: number): Float32Array =>
  matrix.subarray(row * dimensions, (row + 1) * dimensions);
