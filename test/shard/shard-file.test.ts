import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { load } from "sqlite-vec";
import { afterAll, describe, expect, test } from "vitest";
import {
  type BuildInput,
  bisect,
  buildShards,
  cellRows,
  DeadRows,
  decodeSummary,
  floatsOf,
  Kernel,
  ShardFile,
  type ShardRow,
} from "../../src/shard/index.ts";
import { clusteredVectors, debianVectors, dot, hasSharedData, rowOf, withoutSharedData } from "../support/vectors.ts";

const folder = mkdtempSync(join(tmpdir(), "mosaic-shard-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const kernel = Kernel.load();

const bytesOf = (vector: Float32Array): Uint8Array => new Uint8Array(vector.slice().buffer);

function rowsOf(vectors: Float32Array, dimensions: number): ShardRow[] {
  return Array.from({ length: vectors.length / dimensions }, (_, at) => ({
    id: `doc ${at}`,
    text: `the text of document ${at}`,
    metadata: JSON.stringify({ number: at }),
    createdAt: `2024-03-${String(1 + (at % 28)).padStart(2, "0")} 10:00:00`,
    updatedAt: "2024-04-01 00:00:00",
    pagerank: 0,
    embedding: bytesOf(rowOf(vectors, at, dimensions)),
  }));
}

let made = 0;
const build = (changes: Partial<BuildInput>) =>
  buildShards(
    {
      folder,
      nextShardId: () => `s${made++}`,
      dimensions: 48,
      distance: "cosine",
      maxDocs: 100_000,
      maxBytes: 1 << 30,
      language: "english",
      rows: [],
      merge: [],
      superseded: new Set(),
      ...changes,
    },
    kernel,
  );

/** What anybody has: SQLite and the sqlite-vec extension. */
function plainSqlite(path: string): Database.Database {
  const db = new Database(path, { readonly: true });
  load(db);
  return db;
}

const one = <T>(items: readonly T[]): T => {
  expect(items).toHaveLength(1);
  return items[0] as T;
};

describe("a shard file, opened with nothing but SQLite and sqlite-vec,", () => {
  const dimensions = 48;
  const vectors = clusteredVectors(1300, dimensions, 7);
  const { path } = one(build({ rows: rowsOf(vectors, dimensions) }));
  const db = plainSqlite(path);
  afterAll(() => db.close());

  test("has the documents table that is promised", () => {
    const columns = db.prepare("SELECT name, type, hidden FROM pragma_table_xinfo('documents')").all();
    expect(columns.map((column) => (column as { name: string }).name)).toEqual([
      "id",
      "text",
      "metadata",
      "embedding",
      "created_at",
      "updated_at",
      "pagerank",
      "word_count",
    ]);
    const row = db
      .prepare("SELECT text, word_count, metadata ->> 'number' AS number FROM documents WHERE id = 'doc 42'")
      .get();
    expect(row).toEqual({ text: "the text of document 42", word_count: 5, number: 42 });
    const indexed = db.prepare("SELECT name FROM pragma_index_list('documents') ORDER BY name").pluck().all();
    expect(indexed).toEqual(expect.arrayContaining(["documents_created_at", "documents_pagerank"]));
    expect(db.prepare("SELECT count(*) FROM sqlite_stat1").pluck().get()).toBeGreaterThan(0);
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  });

  test("finds the same nearest neighbours by SQL", () => {
    const exact = db.prepare("SELECT id FROM documents ORDER BY vec_distance_cosine(embedding, ?) LIMIT 10").pluck();
    const byIndex = db
      .prepare(
        `SELECT d.id FROM vec_documents v JOIN documents d ON d.rowid = v.rowid
       WHERE v.embedding MATCH vec_quantize_int8(?, 'unit') AND v.k = 40 ORDER BY vec_distance_cosine(d.embedding, ?) LIMIT 10`,
      )
      .pluck();
    for (let query = 0; query < 20; query++) {
      const asked = rowOf(clusteredVectors(20, dimensions, 8), query, dimensions);
      const scores = Array.from({ length: 1300 }, (_, at) => ({
        id: `doc ${at}`,
        score: dot(asked, rowOf(vectors, at, dimensions)),
      }));
      const expected = scores
        .sort((a, b) => b.score - a.score)
        .slice(0, 10)
        .map(({ id }) => id);
      expect(exact.all(bytesOf(asked))).toEqual(expected);
      expect(byIndex.all(bytesOf(asked), bytesOf(asked))).toEqual(expected);
    }
  });

  test("keeps one cell a chunk, with the rows of the documents in order", () => {
    const chunks = db
      .prepare("SELECT chunk_id, size, validity, rowids FROM vec_documents_chunks ORDER BY chunk_id")
      .all();
    expect(chunks).toHaveLength(3);
    let next = 1n;
    for (const { size, validity, rowids } of chunks as { size: number; validity: Uint8Array; rowids: Uint8Array }[]) {
      expect(size).toBe(cellRows);
      const numbers = new BigInt64Array(rowids.slice().buffer);
      for (let at = 0; at < size; at++) {
        const valid = (((validity[at >> 3] as number) >> (at & 7)) & 1) === 1;
        expect(valid).toBe(next <= 1300n);
        if (valid) expect(numbers[at]).toBe(next++);
      }
    }
    expect(next).toBe(1301n);
    const count = db.prepare("SELECT count(*) FROM vec_documents").pluck().get();
    expect(count).toBe(1300);
  });

  test("can be written on by its owner's own tools after a copy: sqlite-vec finds its tables sound", () => {
    const copy = `${path}.copy`;
    db.prepare("VACUUM INTO ?").run(copy);
    const writable = new Database(copy);
    load(writable);
    const insert = writable.prepare(
      "INSERT INTO vec_documents(rowid, code, embedding) VALUES (?, vec_bit(?), vec_int8(?))",
    );
    insert.run(5000n, new Uint8Array(dimensions / 8), new Uint8Array(new Int8Array(dimensions).fill(1).buffer));
    writable.prepare("DELETE FROM vec_documents WHERE rowid = 3").run();
    expect(writable.prepare("SELECT count(*) FROM vec_documents").pluck().get()).toBe(1300);
    writable.close();
  });
});

describe.skipIf(!hasSharedData)(`a shard of real vectors (${withoutSharedData} otherwise)`, () => {
  test("gives the same nearest neighbours by plain SQL as by the plain sum", () => {
    const vectors = debianVectors(3020);
    const { path } = one(build({ dimensions: 384, rows: rowsOf(vectors.subarray(0, 3000 * 384), 384) }));
    const db = plainSqlite(path);
    const exact = db.prepare("SELECT id FROM documents ORDER BY vec_distance_cosine(embedding, ?) LIMIT 10").pluck();
    for (let query = 3000; query < 3020; query++) {
      const asked = rowOf(vectors, query, 384);
      const scores = Array.from({ length: 3000 }, (_, at) => ({ at, score: dot(asked, rowOf(vectors, at, 384)) }));
      const expected = scores
        .sort((a, b) => b.score - a.score)
        .slice(0, 10)
        .map(({ at }) => `doc ${at}`);
      expect(exact.all(bytesOf(asked))).toEqual(expected);
    }
    db.close();
  });
});

describe("building", () => {
  const dimensions = 48;

  test("the same rows gives the same bytes, so that a repeated fold is harmless", () => {
    const rows = rowsOf(clusteredVectors(700, dimensions, 3), dimensions);
    const hash = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
    const [a, b] = [
      one(build({ rows, nextShardId: () => "same-a" })),
      one(build({ rows, nextShardId: () => "same-b" })),
    ];
    const idOf = (path: string): unknown =>
      plainSqlite(path).prepare("SELECT value FROM shard WHERE key = 'shard'").pluck().get();
    expect(statSync(a.path).size).toBe(statSync(b.path).size);
    expect([idOf(a.path), idOf(b.path)]).toEqual(["same-a", "same-b"]);
    const again = one(build({ rows, nextShardId: () => "same-c" }));
    const once = hash(again.path);
    rmSync(again.path);
    expect(hash(one(build({ rows, nextShardId: () => "same-c" })).path)).toBe(once);
  });

  test("rotates by documents, at cell boundaries, without losing a row", () => {
    const built = build({ rows: rowsOf(clusteredVectors(2600, dimensions, 4), dimensions), maxDocs: 1024 });
    expect(built.map(({ documents, full }) => [documents, full])).toEqual([
      [1024, true],
      [1024, true],
      [552, false],
    ]);
    const ids = built.flatMap(({ path }) => plainSqlite(path).prepare("SELECT id FROM documents").pluck().all());
    expect(new Set(ids).size).toBe(2600);
  });

  test("rotates by bytes: no file is larger than the limit", () => {
    const maxBytes = 1_000_000;
    const built = build({ rows: rowsOf(clusteredVectors(4000, dimensions, 4), dimensions), maxBytes });
    expect(built.length).toBeGreaterThan(1);
    for (const { path } of built) expect(statSync(path).size).toBeLessThanOrEqual(maxBytes);
  });

  test("merges shards, leaving out dead and superseded rows, and keeps every other column as it was", () => {
    const rows = rowsOf(clusteredVectors(900, dimensions, 5), dimensions);
    const older = one(build({ rows: rows.slice(0, 600) }));
    const file = ShardFile.open(older.path);
    const dead = DeadRows.none(600).with([file.rowOf("doc 5") as number, file.rowOf("doc 6") as number]);
    file.close();
    const newer: ShardRow = { ...(rows[7] as ShardRow), text: "replaced", pagerank: 0.5 };
    const merged = one(
      build({ rows: [newer, ...rows.slice(600)], merge: [{ path: older.path, dead }], superseded: new Set(["doc 7"]) }),
    );
    const db = plainSqlite(merged.path);
    expect(db.prepare("SELECT count(*) FROM documents").pluck().get()).toBe(898);
    expect(db.prepare("SELECT id FROM documents WHERE id IN ('doc 5', 'doc 6')").all()).toEqual([]);
    expect(db.prepare("SELECT text, pagerank FROM documents WHERE id = 'doc 7'").get()).toEqual({
      text: "replaced",
      pagerank: 0.5,
    });
    const kept = db
      .prepare("SELECT text, metadata, embedding, created_at, updated_at FROM documents WHERE id = 'doc 8'")
      .get();
    const { text, metadata, embedding, createdAt, updatedAt } = rows[8] as ShardRow;
    expect(kept).toEqual({
      text,
      metadata,
      embedding: Buffer.from(embedding as Uint8Array),
      created_at: createdAt,
      updated_at: updatedAt,
    });
  });

  test("takes rows without a vector, and none with one", () => {
    const rows = rowsOf(clusteredVectors(30, dimensions, 6), dimensions).map((row, at) =>
      at % 3 === 0 ? { ...row, embedding: null } : row,
    );
    const some = one(build({ rows }));
    expect([some.documents, some.vectors, some.cells]).toEqual([30, 20, 1]);
    const db = plainSqlite(some.path);
    expect(db.prepare("SELECT max(rowid) FROM documents WHERE embedding IS NOT NULL").pluck().get()).toBe(20);
    const none = one(build({ dimensions: null, rows: rows.map((row) => ({ ...row, embedding: null })) }));
    expect([none.documents, none.vectors, none.cells]).toEqual([30, 0, 0]);
    expect(
      plainSqlite(none.path).prepare("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'vec%'").pluck().get(),
    ).toBe(0);
  });

  test("of a single document takes little room", () => {
    const { path } = one(build({ dimensions: 384, rows: rowsOf(clusteredVectors(1, 384, 1), 384) }));
    expect(statSync(path).size).toBeLessThan(105_000);
  });

  test.each([1, 2, 3, 5, 8, 100, 1536])("works for %i dimensions", (d) => {
    const vectors = clusteredVectors(40, d, 9);
    const built = one(build({ dimensions: d, distance: "l2", rows: rowsOf(vectors, d) }));
    const db = plainSqlite(built.path);
    const nearest = db.prepare("SELECT id FROM documents ORDER BY vec_distance_l2(embedding, ?) LIMIT 1").pluck();
    expect(nearest.get(bytesOf(rowOf(vectors, 13, d)))).toBeDefined();
    expect(db.prepare("SELECT count(*) FROM vec_documents").pluck().get()).toBe(40);
    expect(decodeSummary(built.summary, "").centroids).toHaveLength(d);
  });

  test("leaves nothing behind when it fails", () => {
    const rows = rowsOf(clusteredVectors(3, dimensions, 1), dimensions);
    const twice = [...rows, rows[0] as ShardRow];
    expect(() => build({ rows: twice, nextShardId: () => "broken" })).toThrow(/UNIQUE/);
    expect(() => statSync(join(folder, "broken.db"))).toThrow();
    expect(() => statSync(join(folder, "broken.db.build"))).toThrow();
  });
});

describe("cells", () => {
  test("are full but for the last, hold every row once, are compact, and come out the same again", () => {
    const [count, dimensions] = [3000, 32];
    const vectors = clusteredVectors(count, dimensions, 11, 40);
    const order = bisect(vectors, count, dimensions, cellRows, kernel);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
    expect(bisect(vectors, count, dimensions, cellRows, kernel)).toEqual(order);
    const spread = (rows: Uint32Array): number => {
      let total = 0;
      for (let first = 0; first < count; first += cellRows) {
        const cell = rows.subarray(first, first + cellRows);
        const mean = new Float64Array(dimensions);
        for (const row of cell)
          for (let i = 0; i < dimensions; i++)
            (mean[i] as number) += (vectors[row * dimensions + i] as number) / cell.length;
        for (const row of cell)
          for (let i = 0; i < dimensions; i++)
            total += ((vectors[row * dimensions + i] as number) - (mean[i] as number)) ** 2;
      }
      return total;
    };
    expect(spread(order)).toBeLessThan(0.9 * spread(Uint32Array.from({ length: count }, (_, at) => at)));
  });
});

describe("a damaged or foreign file", () => {
  test("is refused as data damage", () => {
    const path = join(folder, "not-a-shard.db");
    new Database(path).exec("CREATE TABLE t(x)").close();
    expect(() => ShardFile.open(path)).toThrow(expect.objectContaining({ kind: "data", code: "shard_damaged" }));
    expect(() => ShardFile.open(join(folder, "missing.db"))).toThrow(expect.objectContaining({ kind: "data" }));
  });

  test("floats of a blob are read whatever its alignment", () => {
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    expect([...floatsOf(bytes.subarray(1))]).toEqual([1.5, -2]);
  });
});
