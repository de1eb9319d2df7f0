import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { dimensions, readDocuments, readVectors, rowOf } from "../data.ts";
import { grow } from "../grow.ts";

/** What the stages share: files in `folder`, so that none of them holds the others' memory. */
export interface BenchInput {
  readonly folder: string;
  readonly rows: number;
  readonly queries: number;
}

export interface GivenDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Record<string, unknown>;
  readonly embedding: Float32Array;
}

const vectorsFile = (folder: string): string => join(folder, "vectors.f32");
const queriesFile = (folder: string): string => join(folder, "queries.f32");
const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

/** Holds `queries` real vectors out, evenly spread, and grows the rest to `rows`. */
export function prepare({ folder, rows, queries }: BenchInput): void {
  mkdirSync(folder, { recursive: true });
  const all = readVectors();
  const known = all.length / dimensions;
  const step = Math.floor(known / queries);
  const held = Array.from({ length: queries }, (_, at) => at * step);
  const asked = new Float32Array(queries * dimensions);
  held.forEach((row, at) => asked.set(rowOf(all, row), at * dimensions));
  const isHeld = new Set(held);
  const rest = Array.from({ length: known }, (_, row) => row).filter((row) => !isHeld.has(row));
  const originals = new Float32Array(rest.length * dimensions);
  rest.forEach((row, at) => originals.set(rowOf(all, row), at * dimensions));
  const { vectors, origin } = grow(originals, rows);
  writeFileSync(queriesFile(folder), bytesOf(asked));
  // In parts: one write takes at most 2 GiB.
  const file = openSync(vectorsFile(folder), "w");
  for (let row = 0; row < rows; row += 100_000)
    writeSync(file, bytesOf(vectors.subarray(row * dimensions, Math.min(rows, row + 100_000) * dimensions)));
  closeSync(file);
  writeFileSync(
    join(folder, "origin.u32"),
    Uint32Array.from(origin, (at) => rest[at] as number),
  );
}

export function readQueries(folder: string): readonly Float32Array[] {
  const bytes = readFileSync(queriesFile(folder));
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return Array.from({ length: floats.length / dimensions }, (_, at) => rowOf(floats, at));
}

/** The set in batches; texts and metadata are those of the document that a row grew from. */
export function* batches({ folder, rows }: BenchInput, size: number): Generator<readonly GivenDocument[]> {
  const documents = readDocuments();
  const origins = readFileSync(join(folder, "origin.u32"));
  const origin = new Uint32Array(origins.buffer, origins.byteOffset, rows);
  const file = openSync(vectorsFile(folder), "r");
  for (let first = 0; first < rows; first += size) {
    const count = Math.min(size, rows - first);
    const matrix = new Float32Array(count * dimensions);
    readSync(file, bytesOf(matrix), 0, matrix.byteLength, first * dimensions * 4);
    yield Array.from({ length: count }, (_, at) => {
      const { id, text, metadata } = documents[origin[first + at] as number] as (typeof documents)[number];
      return { id: `${id}~${first + at}`, text, metadata, embedding: rowOf(matrix, at) };
    });
  }
  closeSync(file);
}
