import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IndexTree } from "../../../src/shard/pages/index-tree.ts";
import { emptyDatabase, openPages } from "./support.ts";

const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12, size: "max" }),
  fc.string({ unit: fc.constantFrom("a", "b", "\0", "é", "🦉"), maxLength: 6, size: "max" }),
  // A common prefix that fills what a page has room for, and more.
  fc
    .tuple(
      fc.constantFrom(20, 60, 90, 110, 250, 500, 2000, 9000),
      fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4, size: "max" }),
    )
    .map(([length, rest]) => "p".repeat(length) + rest),
  fc.constantFrom("", "\ufeff", "\ud800", "\uffff", "\u{10000}", "\u{10ffff}"),
);

const drawn = fc.record({
  pageBytes: fc.constantFrom(512, 1024, 4096, 16384, 65536),
  reserved: fc.constantFrom(0, 0, 12),
  keys: fc.uniqueArray(key, { maxLength: 150, size: "max", selector: (text) => text.toWellFormed() }),
  absent: fc.array(key, { maxLength: 20 }),
  nulls: fc.nat(3),
  deleteEvery: fc.integer({ min: 2, max: 9 }),
});

describe("the rowids of keys", () => {
  test("are those that SQL finds, for any keys", async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async ({ pageBytes, reserved, keys, absent, nulls, deleteEvery }) => {
        const db = emptyDatabase(pageBytes, reserved);
        db.exec("CREATE TABLE documents(id TEXT PRIMARY KEY, x)");
        const insert = db.prepare("INSERT INTO documents(rowid, id) VALUES (?, ?)");
        keys.forEach((id, at) => insert.run(at % 7 === 0 ? -at * 1_000_003 : at, id));
        for (let i = 1; i <= nulls; i++) insert.run(100_000 + i, null);
        db.prepare("INSERT INTO documents(rowid, id) VALUES (200000, x'70')").run();
        keys.forEach((id, at) => at % deleteEvery === 0 && db.prepare("DELETE FROM documents WHERE id = ?").run(id));
        const { schema, pages } = await openPages(db);
        const tree = new IndexTree(pages, schema.indexes.get("sqlite_autoindex_documents_1") as number);
        const asked = [...absent, ...keys, ...absent];
        const rowid = db.prepare("SELECT rowid FROM documents WHERE id = ?").pluck();
        expect(await tree.rowids(asked)).toEqual(asked.map((id) => rowid.get(id)));
        db.close();
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  test("of an index on two columns are refused", async () => {
    const db = emptyDatabase(512);
    db.exec("CREATE TABLE t(a TEXT, b); CREATE INDEX i ON t(a, b); INSERT INTO t VALUES ('x', 1)");
    const { schema, pages } = await openPages(db);
    await expect(new IndexTree(pages, schema.indexes.get("i") as number).rowids(["x"])).rejects.toThrow(/one column/);
  });
});
