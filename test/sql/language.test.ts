import { describe, expect, test } from "vitest";
import { isMosaicError, type MosaicError } from "../../src/base/index.ts";
import { printSelect } from "../../src/sql/language/print.ts";
import { fromWire, toWire } from "../../src/sql/language/values.ts";
import { readStatement } from "../../src/sql/statement.ts";

function refusal(sql: string, params?: readonly unknown[] | Record<string, unknown>): MosaicError {
  try {
    readStatement(sql, params);
  } catch (error) {
    if (isMosaicError(error)) return error;
    throw error;
  }
  throw new Error(`accepted: ${sql}`);
}

describe("what is out of reach, by any spelling", () => {
  test.each([
    "INSERT INTO documents(id) VALUES ('x')",
    "UPDATE documents SET text = ''",
    "DELETE FROM documents",
    "WITH a AS (SELECT 1) DELETE FROM documents",
    "REPLACE INTO documents(id) VALUES ('x')",
    "CREATE TABLE t(a)",
    "CREATE TEMP VIEW v AS SELECT 1",
    "DROP TABLE documents",
    "PRAGMA table_info(documents)",
    "pragma/**/journal_mode=delete",
    "ATTACH 'x.db' AS x",
    "DETACH shard",
    "VACUUM INTO '/tmp/x'",
    "ANALYZE",
    "REINDEX",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT s",
    "EXPLAIN DELETE FROM documents",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE documents",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM sqlite_master",
    'SELECT * FROM "sqlite_schema"',
    "SELECT * FROM [SQLITE_SCHEMA]",
    "SELECT * FROM `sqlite_temp_master`",
    "SELECT * FROM main.sqlite_schema",
    "SELECT * FROM temp.sqlite_schema",
    "SELECT * FROM shard.documents",
    "SELECT * FROM main.documents",
    "SELECT * FROM/**/sqlite_schema",
    "SELECT * FROM -- here\n sqlite_schema",
    "SELECT*FROM\tSQLITE_SCHEMA",
    "SELECT * FROM main . [sqlite_schema]",
    'SELECT * FROM "temp"."sqlite_temp_schema"',
    "SELECT * FROM temp.documents",
    "SELECT * FROM temp.dead",
    "SELECT * FROM memory.t0",
    "SELECT 1 FROM documents JOIN sqlite_schema",
    "SELECT 1 FROM (documents, (sqlite_schema))",
    "SELECT 1 UNION SELECT name FROM sqlite_schema",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM sqlite_schema) THEN 1 END",
    "SELECT count(*) FILTER (WHERE 1 IN (SELECT 1 FROM sqlite_schema)) FROM documents",
    "SELECT 1 ORDER BY (SELECT name FROM sqlite_schema)",
    "SELECT 1 LIMIT (SELECT count(*) FROM sqlite_schema)",
    "WITH documents AS (SELECT * FROM sqlite_schema) SELECT * FROM documents",
    "WITH a AS (SELECT 1) SELECT * FROM a, sqlite_schema",
    "WITH [pragma_table_info] AS (SELECT 1) SELECT * FROM pragma_table_info",
    "WITH vec_documents AS (SELECT 1) SELECT * FROM vec_documents",
    "SELECT * FROM PRAGMA_table_list()",
    "SELECT * FROM `pragma_function_list`",
    "SELECT 1 IN pragma_database_list",
    "SELECT * FROM vec_documents_vector_chunks00",
    "SELECT * FROM sqlite_stat1",
    "SELECT * FROM sqlite_dbpage",
    "SELECT 1 WHERE 1 IN sqlite_schema",
    "SELECT (SELECT count(*) FROM sqlite_schema)",
    "WITH a AS (SELECT * FROM sqlite_schema) SELECT * FROM a",
    "WITH sqlite_schema AS (SELECT 1) SELECT * FROM sqlite_schema",
    "SELECT * FROM pragma_table_info('documents')",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM dbstat",
    "SELECT * FROM dbstat('main')",
    "SELECT * FROM vec_documents",
    "SELECT * FROM vec_documents_chunks",
    "SELECT * FROM vec_each('[1]')",
    "SELECT * FROM fts5vocab",
    "SELECT load_extension('x')",
    "SELECT LOAD_EXTENSION('x')",
    "SELECT \"load_extension\"('x')",
    "SELECT writefile('x', 'y')",
    "SELECT readfile('/etc/passwd')",
    "SELECT sqlite_compileoption_get(1)",
    "SELECT fts3_tokenizer('simple')",
    "SELECT last_insert_rowid()",
    "SELECT rowid FROM documents",
    "SELECT d._rowid_ FROM documents d",
    'SELECT "OID" FROM documents',
    "SELECT * FROM documents ORDER BY [RowId]",
    "SELECT main.documents.id FROM documents",
    "SELECT * FROM documents INDEXED BY documents_created_at",
    "SELECT * FROM documents NOT INDEXED",
    "SELECT * FROM documents WHERE text MATCH 'a'",
    "SELECT * FROM documents WHERE text REGEXP 'a'",
    "SELECT id COLLATE mine FROM documents",
    "SELECT raise(ignore)",
    "SELECT load_extension/**/ ('x')",
    "SELECT [load_extension]('x')",
    "SELECT 1 FROM documents GROUP BY writefile('x', 'y')",
    "SELECT count(*) OVER (ORDER BY readfile('x')) FROM documents",
    "SELECT vec_version()",
    "SELECT documents.oid FROM documents",
    "SELECT a.[ROWID] FROM (SELECT * FROM documents) a",
  ])("%s", (sql) => {
    expect(refusal(sql).code).toBe("sql_not_allowed");
  });

  test("a name of our own is nobody's table, and a common table expression may have it", () => {
    for (const name of ["part", "dead", "rows", "t0", "terms"]) {
      expect(refusal(`SELECT * FROM ${name}`).code, name).toBe("unknown_table");
      expect(() => readStatement(`WITH ${name}(x) AS (SELECT 1) SELECT x FROM ${name}`, [])).not.toThrow();
    }
  });

  test("other tables and functions are unknown, with a guess at what was meant", () => {
    expect(refusal("SELECT * FROM document")).toMatchObject({ code: "unknown_table", kind: "invalid" });
    expect(refusal("SELECT * FROM document").detail).toContain("did you mean documents?");
    expect(refusal("SELECT uper(id) FROM documents")).toMatchObject({ code: "unknown_function" });
    expect(refusal("SELECT uper(id) FROM documents").detail).toContain("did you mean upper?");
  });
});

describe("bad SQL", () => {
  test("says line and column and shows the place", () => {
    const { code, detail } = refusal("SELECT id\nFROM documents\nWHERE AND id = 1");
    expect(code).toBe("sql_syntax");
    expect(detail).toMatch(/\(line 3, column 7\)\nWHERE AND id = 1\n {6}\^\^\^$/);
  });
  test.each([
    "",
    " ",
    "--",
    "SELECT",
    "SELECT 'a",
    "SELECT x'0'",
    "SELECT \0 1",
    "SELECT \ud800",
    "SELECT (1",
    "\u00a0SELECT 1",
  ])("%j", (sql) => {
    expect(["sql_syntax", "sql_not_allowed"]).toContain(refusal(sql).code);
  });
  test("too long, too deep", () => {
    expect(refusal(`SELECT '${"x".repeat(200_000)}'`).code).toBe("query_too_large");
    expect(refusal(`SELECT ${"(".repeat(5000)}1${")".repeat(5000)}`).code).toBe("query_too_large");
    expect(refusal(`SELECT ${"- ".repeat(5000)}1`).code).toBe("query_too_large");
  });
});

describe("the printed statement", () => {
  test.each([
    ['SELECT true, "true" FROM (SELECT 1 AS "true")', 'SELECT TRUE, "true" FROM (SELECT 1 AS "true")'],
    ["select 'it''s', x'00fF', .5, 0x1F, 1e3 -- comment", "SELECT 'it''s', x'00ff', .5, 0x1F, 1e3"],
    ["SELECT 1 + 2 * 3", "SELECT 1 + (2 * 3)"],
    ["SELECT a.* FROM documents AS a", 'SELECT "a".* FROM "documents" AS "a"'],
    ['SELECT 1 AS "a""b; DROP TABLE x"', 'SELECT 1 AS "a""b; DROP TABLE x"'],
    ["SELECT - -1, -(-9223372036854775808)", "SELECT - (- 1), - (- 9223372036854775808)"],
  ])("%s", (sql, printed) => {
    expect(printSelect(readStatement(sql, []).select)).toBe(printed);
  });

  test("reads as itself again", () => {
    const sql = `WITH RECURSIVE a(x) AS NOT MATERIALIZED (SELECT 1 UNION ALL SELECT x + 1 FROM a LIMIT 3), b AS (VALUES (1, 2))
      SELECT DISTINCT count(*) FILTER (WHERE x > 1) OVER (PARTITION BY x ORDER BY x DESC NULLS LAST ROWS BETWEEN 1 PRECEDING
      AND CURRENT ROW EXCLUDE TIES), sum(x) OVER w, group_concat(x, ',' ORDER BY x), x BETWEEN 1 AND 2, x NOT IN (1, 2), (x, x) = (1, 2),
      CASE x WHEN 1 THEN 2 ELSE 3 END, CAST(x AS VARCHAR(10)), x LIKE 'a\\%' ESCAPE '\\', x COLLATE nocase, x ISNULL, x IS NOT DISTINCT FROM 2,
      EXISTS (SELECT 1), ~x, NOT x, x -> 'a' ->> '$.b', percentile_cont(0.5) WITHIN GROUP (ORDER BY x)
      FROM a LEFT JOIN b ON a.x = b.column1 NATURAL JOIN (a CROSS JOIN b), json_each('[1]') j
      WINDOW w AS (ORDER BY x) ORDER BY 1 DESC LIMIT 3 OFFSET 1`;
    const once = printSelect(readStatement(sql, []).select);
    expect(printSelect(readStatement(once, []).select)).toBe(once);
  });
});

describe("parameters", () => {
  const bindings = (sql: string, params: readonly unknown[] | Record<string, unknown>) => [
    ...readStatement(sql, params).bindings,
  ];
  test("are numbered as SQLite numbers them", () => {
    expect(bindings("SELECT ?, ?3, ?, :a, :a", [1, null, "c", 4, 5])).toEqual([
      [1, 1n],
      [3, "c"],
      [4, 4n],
      [5, 5n],
    ]);
  });
  test("go by name", () => {
    const values = { a: 1, "@b": 2.5, $c: true };
    expect(bindings("SELECT :a, @b, $c, :a", values)).toEqual([
      [1, 1n],
      [2, 2.5],
      [3, 1n],
    ]);
  });
  test("each needs a value, and none is too many", () => {
    for (const [sql, params] of [
      ["SELECT ?", []],
      ["SELECT ?", [1, 2]],
      ["SELECT 1", [1]],
      ["SELECT :a", {}],
      ["SELECT :a", { a: 1, b: 2 }],
      ["SELECT ?0", [1]],
    ] as const)
      expect(refusal(sql, params), sql).toMatchObject({ code: "invalid_parameter" });
  });
  test("values cross JSON both ways", () => {
    const big = 9007199254740993n;
    expect(fromWire({ $int: String(big) }, "?")).toBe(big);
    expect(toWire(big)).toEqual({ $int: String(big) });
    expect(toWire(-5n)).toBe(-5);
    expect(fromWire({ $blob: "AAH/" }, "?")).toEqual(Uint8Array.of(0, 1, 255));
    expect(toWire(Uint8Array.of(0, 1, 255))).toEqual({ $blob: "AAH/" });
    expect(fromWire([1, 2], "?")).toBe("[1,2]");
    for (const bad of [{ $int: "9223372036854775808" }, { $int: "x" }, { $blob: "#" }, { $int: 5 }, Number.NaN])
      expect(() => fromWire(bad, "?")).toThrow();
  });
});
