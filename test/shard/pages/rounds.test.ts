import type Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { IndexTree } from "../../../src/shard/pages/index-tree.ts";
import { runsOf } from "../../../src/shard/pages/page-source.ts";
import { readSchema } from "../../../src/shard/pages/schema.ts";
import { TableTree } from "../../../src/shard/pages/table-tree.ts";
import { emptyDatabase, openPages } from "./support.ts";

const idOf = (rowid: number): string => `document ${String(rowid * 7919).padStart(12, "0")}`;

/** As a shard: rows 1, 2, …, every tenth with a text of six overflow pages, vacuumed. */
function vacuumed(rows: number): Database.Database {
  const db = emptyDatabase(1024);
  db.exec("CREATE TABLE documents(id TEXT PRIMARY KEY, text, after)");
  const insert = db.prepare("INSERT INTO documents(rowid, id, text, after) VALUES (?, ?, ?, ?)");
  db.exec("BEGIN");
  for (let rowid = 1; rowid <= rows; rowid++)
    insert.run(rowid, idOf(rowid), "x".repeat(rowid % 10 === 0 ? 7000 : 60), rowid);
  db.exec("COMMIT; VACUUM");
  return db;
}

/** Pages from the root to a leaf, by SQLite's own account. */
const depthOf = (db: Database.Database, name: string): number => {
  const paths = db
    .prepare("SELECT path FROM dbstat WHERE name = ? AND pagetype = 'leaf'")
    .pluck()
    .all(name) as string[];
  return Math.max(...paths.map((path) => path.split("/").filter((step) => step !== "").length)) + 1;
};

const rows = 6000;
const db = vacuumed(rows);
const { source, schema, pages } = await openPages(db);
const table = new TableTree(pages, schema.tables.get("documents") as number);
const index = new IndexTree(pages, schema.indexes.get("sqlite_autoindex_documents_1") as number);
const scattered = Array.from({ length: 300 }, (_, at) => 1 + ((at * 1031) % rows));

async function roundsOf(task: () => Promise<unknown>): Promise<number[][]> {
  source.rounds = [];
  await task();
  return [...source.rounds];
}

describe("what lookups cost", () => {
  test("many rows go down the tree together, and all their overflow pages are one round more", async () => {
    const depth = depthOf(db, "documents");
    expect(depth).toBeGreaterThanOrEqual(3);
    const rounds = await roundsOf(async () => expect(await table.rows(scattered)).toHaveLength(300));
    expect(rounds).toHaveLength(depth + 1);
    const local = await roundsOf(() => table.rows(scattered, [0]));
    expect(local).toHaveLength(depth);
  });

  test("no page is asked for twice, and what lies together is one request", async () => {
    const rounds = await roundsOf(() => table.rows([...scattered, ...scattered]));
    const asked = rounds.flat();
    expect(new Set(asked).size).toBe(asked.length);
    const chains = source.requests.at(-1) ?? [];
    const long = scattered.filter((rowid) => rowid % 10 === 0).length;
    expect(chains.length).toBeLessThanOrEqual(long);
    expect(chains.reduce((sum, { count }) => sum + count, 0)).toBe(long * 6);
    expect(source.requests[0]).toEqual([{ first: schema.tables.get("documents"), count: 1 }]);
  });

  test("only the overflow pages up to the last wanted column are read", async () => {
    const before = await roundsOf(() => table.rows([10], [0]));
    const text = await roundsOf(() => table.rows([10], [1]));
    const depth = depthOf(db, "documents");
    expect([before.length, text.length, text.at(-1)?.length]).toEqual([depth, depth + 1, 6]);
  });

  test("many keys cost a round a level of the index", async () => {
    const depth = depthOf(db, "sqlite_autoindex_documents_1");
    expect(depth).toBeGreaterThanOrEqual(3);
    const asked = [...scattered.map(idOf), "absent", ...scattered.map(idOf)];
    const rounds = await roundsOf(async () =>
      expect(await index.rowids(asked)).toEqual([...scattered, undefined, ...scattered]),
    );
    expect(rounds).toHaveLength(depth);
    const pagesAsked = rounds.flat();
    expect(new Set(pagesAsked).size).toBe(pagesAsked.length);
  });

  test("interior pages that are known cost nothing, and are given to be kept", async () => {
    const cache = new Map<number, Uint8Array>();
    const cached = {
      ...pages,
      known: (page: number) => cache.get(page),
      keep: (page: number, bytes: Uint8Array) => void cache.set(page, bytes),
    };
    const tree = new TableTree(cached, schema.tables.get("documents") as number);
    const ids = new IndexTree(cached, schema.indexes.get("sqlite_autoindex_documents_1") as number);
    const cold = await roundsOf(() => tree.rows(scattered));
    await ids.rowids(scattered.map(idOf));
    const warm = await roundsOf(async () => expect(await tree.rows(scattered)).toEqual(await table.rows(scattered)));
    expect(warm.slice(0, 2)).toEqual(cold.slice(-2));
    const found = await roundsOf(async () => expect(await ids.rowids([idOf(17)])).toEqual([17]));
    expect(found.length).toBeLessThanOrEqual(1);
  });

  test("the schema of a small database is one request, and nothing at all is asked for nothing", async () => {
    await roundsOf(() => readSchema(source));
    expect(source.rounds).toEqual([[1]]);
    const none = await roundsOf(async () => expect([await table.rows([]), await index.rowids([])]).toEqual([[], []]));
    expect(none).toEqual([]);
  });

  test("the schema of a large database may be several pages", async () => {
    const large = emptyDatabase(512);
    for (let i = 0; i < 80; i++) large.exec(`CREATE TABLE "table ${i}"(a TEXT PRIMARY KEY, b)`);
    large.exec(`CREATE VIEW v AS SELECT 1; CREATE TABLE long(a /* ${"long ".repeat(500)} */)`);
    const opened = await openPages(large);
    const listed = large.prepare("SELECT type, name, rootpage FROM sqlite_schema WHERE rootpage > 0").raw().all();
    const read = [
      ...[...opened.schema.tables].map(([name, root]) => ["table", name, root]),
      ...[...opened.schema.indexes].map(([name, root]) => ["index", name, root]),
    ];
    expect(read.sort()).toEqual(listed.sort());
  });

  test("chains that jump are followed with few requests more", async () => {
    const jumping = emptyDatabase(1024);
    jumping.exec("CREATE TABLE t(a); CREATE TABLE holes(a)");
    const hole = jumping.prepare("INSERT INTO holes VALUES (zeroblob(900))");
    for (let i = 0; i < 400; i++) hole.run();
    jumping.exec("DELETE FROM holes WHERE rowid % 2 = 0");
    const text = Array.from({ length: 30_000 }, (_, at) => String.fromCharCode(97 + (at % 25))).join("");
    for (let i = 0; i < 4; i++) jumping.prepare("INSERT INTO t VALUES (?)").run(text);
    const opened = await openPages(jumping);
    const tree = new TableTree(opened.pages, opened.schema.tables.get("t") as number);
    expect(await tree.rows([1, 2, 3, 4])).toEqual([[text], [text], [text], [text]]);
    expect(opened.source.rounds.length).toBeLessThanOrEqual(2 + 30);
  });
});

describe("runs of neighbours", () => {
  test("cover what was asked, once, and bridge a gap where that is wanted", () => {
    expect(runsOf([])).toEqual([]);
    expect(runsOf([7, 3, 4, 9, 4, 8])).toEqual([
      { first: 3, count: 2 },
      { first: 7, count: 3 },
    ]);
    expect(runsOf([1, 4, 9], 2)).toEqual([
      { first: 1, count: 4 },
      { first: 9, count: 1 },
    ]);
  });
});
