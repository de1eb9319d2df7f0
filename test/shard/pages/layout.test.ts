import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import {
  blockBytes,
  buildShards,
  decodeSummary,
  type EncodedLayout,
  Kernel,
  MissingBlocks,
  PartialShard,
  ShardFile,
  type ShardRow,
} from "../../../src/shard/index.ts";
import { FileLayout } from "../../../src/shard/pages/layout.ts";
import { clusteredVectors, rowOf } from "../../support/vectors.ts";
import { damage } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "mosaic-layout-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function rowsOf(count: number, dimensions: number): ShardRow[] {
  const vectors = clusteredVectors(count, dimensions, 3);
  return Array.from({ length: count }, (_, at) => ({
    id: `${at % 3 === 0 ? "https://example.org/some/long/path/" : "é"}${at}${at % 100 === 5 ? "x".repeat(450) : ""}`,
    text: at % 300 === 0 ? "long ".repeat(20_000) : `word ${at} `.repeat(at % 41),
    metadata: JSON.stringify({ number: at }),
    createdAt: "2024-03-01 10:00:00",
    updatedAt: "2024-04-01 00:00:00",
    pagerank: at % 2 === 0 ? 0 : at / 7,
    embedding: at % 7 === 0 ? null : new Uint8Array(rowOf(vectors, at, dimensions).slice().buffer),
  }));
}

describe.each([
  { documents: 1500, dimensions: 384 },
  { documents: 90, dimensions: 48 },
  { documents: 600, dimensions: 1 },
])("the layout of a shard of $documents documents of $dimensions dimensions", ({ documents, dimensions }) => {
  const [built] = buildShards(
    {
      folder,
      nextShardId: () => `s${documents}`,
      dimensions,
      distance: "cosine",
      maxDocs: 100_000,
      maxBytes: 1 << 30,
      language: "english",
      rows: rowsOf(documents, dimensions),
      merge: [],
      superseded: new Set(),
    },
    Kernel.load(),
  );
  const path = built?.path as string;
  const layout = decodeSummary(built?.summary as Uint8Array, "").layout as EncodedLayout;
  const bytes = readFileSync(path);

  test("says of every row on which pages it lies, as SQLite does", () => {
    const db = new Database(path, { readonly: true });
    const decoded = new FileLayout(layout.places);
    for (const name of ["documents", "cells", "code_factors", "vec_documents_vector_chunks00"] as const) {
      const rowids = db.prepare(`SELECT rowid FROM ${name}`).pluck().all() as number[];
      const pages = db.prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype <> 'internal'").pluck().all(name);
      const found = new Set(rowids.flatMap((rowid) => decoded.table(name).pagesOf(rowid)));
      expect([...found].sort()).toEqual([...pages].sort());
      expect(decoded.table(name).pagesOf(0)).toEqual([]);
      expect(decoded.table(name).pagesOf(rowids.length + 1)).toEqual([]);
    }
    db.close();
    expect(decoded.fileBytes).toBe(statSync(path).size);
    expect(layout.checks.length).toBe(4 * Math.ceil(bytes.length / blockBytes));
  });

  /** The shard over an empty copy, and what brings the blocks that it misses: it counts how often. */
  function emptyCopy() {
    const copy = join(folder, `${documents}.sparse`);
    const fd = openSync(copy, "w+");
    writeSync(fd, new Uint8Array(1), 0, 1, bytes.length - 1);
    const present = new Uint8Array(Math.ceil(bytes.length / blockBytes / 8));
    const shard = new PartialShard({ fd, serial: 1, present, layout });
    const bring = ({ blocks }: MissingBlocks): void => {
      for (const block of blocks) {
        const part = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
        writeSync(fd, part, 0, part.length, block * blockBytes);
        present[block >> 3] = (present[block >> 3] ?? 0) | (1 << (block & 7));
      }
    };
    const asked = <T>(question: () => T): { answer: T; misses: number } => {
      for (let misses = 0; ; misses++) {
        try {
          return { answer: question(), misses };
        } catch (error) {
          if (!(error instanceof MissingBlocks) || misses > 5) throw error;
          bring(error);
        }
      }
    };
    return { shard, asked, close: () => closeSync(fd) };
  }

  test("lets every question be answered as over the whole file, after one miss, or two by id", () => {
    const file = ShardFile.open(path);
    const { shard, asked, close } = emptyCopy();
    const vectors = built?.vectors as number;
    for (const { id, row } of [...file.ids()].filter((_, at) => at % 37 === 0)) {
      const byId = asked(() => shard.rowOf(id));
      expect(byId.answer).toBe(row);
      expect(byId.misses).toBeLessThanOrEqual(1);
      const { answer, misses } = asked(() => shard.row(row));
      expect({ ...answer, embedding: answer.embedding && [...answer.embedding] }).toEqual({
        ...file.row(row),
        embedding: (file.row(row).embedding && [...(file.row(row).embedding as Uint8Array)]) ?? null,
      });
      expect(misses).toBeLessThanOrEqual(1);
    }
    expect(asked(() => shard.rowOf("none such")).answer).toBeUndefined();
    const some = Array.from({ length: vectors }, (_, row) => row).filter((row) => row % 11 === 3);
    const scored = asked(() => shard.vectors(some));
    expect(scored.answer).toEqual(file.vectors(some));
    expect(scored.misses).toBeLessThanOrEqual(1);
    for (let cell = 0; cell < (built?.cells as number); cell++) {
      for (const [first, second] of [
        ["codes", "codeScales"],
        ["int8", "exactFactors"],
      ] as const) {
        const blob = asked(() => shard[first](cell));
        expect([...blob.answer]).toEqual([...file[first](cell)]);
        expect(blob.misses).toBeLessThanOrEqual(1);
        expect([...asked(() => shard[second](cell)).answer]).toEqual([...file[second](cell)]);
      }
    }
    shard.close();
    file.close();
    close();
  });

  test("that is cut short is damage", () => {
    for (const length of [0, 1, layout.places.length >> 1])
      expect(() => new FileLayout(layout.places.slice(0, length))).toThrow(damage);
  });
});
