import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import {
  buildShards,
  FilePageSource,
  IndexTree,
  Kernel,
  readSchema,
  type ShardRow,
  TableTree,
} from "../../../src/shard/index.ts";
import { clusteredVectors, rowOf } from "../../support/vectors.ts";
import { asValue, damage } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "mosaic-pages-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Texts from none to a hundred kilobytes; every seventh document has no vector. */
function rowsOf(count: number, dimensions: number): ShardRow[] {
  const vectors = clusteredVectors(count, dimensions, 3);
  return Array.from({ length: count }, (_, at) => ({
    id: `${at % 3 === 0 ? "https://example.org/some/long/path/" : "é"}${at}${at % 100 === 5 ? "x".repeat(450) : ""}`,
    text: `word ${at} `.repeat(at % 90 === 0 ? 10_000 : at % 41),
    metadata: JSON.stringify({ number: at }),
    createdAt: "2024-03-01 10:00:00",
    updatedAt: "2024-04-01 00:00:00",
    pagerank: at % 2 === 0 ? 0 : at / 7,
    embedding: at % 7 === 0 ? null : new Uint8Array(rowOf(vectors, at, dimensions).slice().buffer),
  }));
}

describe.each([
  { documents: 2000, dimensions: 384 },
  { documents: 90, dimensions: 48 },
])("a shard file of $documents documents, read by its pages,", async ({ documents, dimensions }) => {
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
  const db = new Database(path, { readonly: true });
  const source = await FilePageSource.open(path);
  const schema = await readSchema(source);
  const pages = { source, usableBytes: schema.usableBytes };
  const tree = (name: string): TableTree => new TableTree(pages, schema.tables.get(name) as number);
  afterAll(async () => {
    db.close();
    await source.close();
  });
  const bySql = (sql: string): unknown[][] =>
    (db.prepare(sql).raw().all() as unknown[][]).map((row) => row.map(asValue));

  test("has every document as SQL has it", async () => {
    const rowids = Array.from({ length: documents }, (_, at) => at + 1);
    const expected = bySql("SELECT * FROM documents ORDER BY rowid");
    expect(expected).toHaveLength(documents);
    expect(await tree("documents").rows(rowids)).toEqual(expected);
    expect(await tree("documents").rows([documents + 1, 0, -1], [0])).toEqual([undefined, undefined, undefined]);
    expect(await tree("documents").rows(rowids, [0, 3])).toEqual(expected.map((row) => [row[0], row[3]]));
  });

  test.each(["vec_documents_vector_chunks00", "vec_documents_vector_chunks01"])("has the blobs of %s", async (name) => {
    // SQL shows the rowid as a column; in the file it is the key, and the column is null.
    const expected = bySql(`SELECT rowid, vectors FROM ${name} ORDER BY rowid`);
    expect(expected.length).toBeGreaterThan(0);
    expect(await tree(name).all([1])).toEqual(expected.map(([rowid, vectors]) => ({ rowid, values: [vectors] })));
  });

  test("has the cells", async () => {
    const expected = bySql("SELECT * FROM cells ORDER BY cell");
    expect(await tree("cells").all()).toEqual(
      expected.map(([cell, ...values]) => ({ rowid: cell, values: [null, ...values] })),
    );
  });

  test("finds every id, and none that isn't there", async () => {
    const ids = bySql("SELECT rowid, id FROM documents") as [number, string][];
    const index = new IndexTree(pages, schema.indexes.get("sqlite_autoindex_documents_1") as number);
    expect(await index.rowids(ids.map(([, id]) => id))).toEqual(ids.map(([rowid]) => rowid));
    const absent = ["", "zzz", ...ids.map(([, id]) => `${id}!`)];
    expect(await index.rowids(absent)).toEqual(absent.map(() => undefined));
  });

  test("lists the root pages that SQLite lists, but none for a virtual table", () => {
    const roots = bySql("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name");
    expect([...schema.tables].sort()).toEqual(roots.sort());
    expect(schema.tables.has("vec_documents")).toBe(false);
  });
});

describe("a file that is none", () => {
  test("is refused as damage", async () => {
    const path = join(folder, "none.db");
    writeFileSync(path, "no database".repeat(100));
    await expect(FilePageSource.open(path)).rejects.toThrow(damage);
    writeFileSync(path, "");
    await expect(FilePageSource.open(path)).rejects.toThrow(damage);
  });

  test("or that was cut off is refused when its missing pages are read", async () => {
    const path = join(folder, "cut.db");
    const db = new Database(path);
    db.exec("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(100000))");
    db.close();
    truncateSync(path, 50_000);
    const source = await FilePageSource.open(path);
    const schema = await readSchema(source);
    const tree = new TableTree({ source, usableBytes: schema.usableBytes }, schema.tables.get("t") as number);
    await expect(tree.rows([1])).rejects.toThrow(damage);
    await expect(source.pages([source.pageCount + 1])).rejects.toThrow(damage);
    await source.close();
  });
});
