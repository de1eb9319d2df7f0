import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/index.ts";
import { runLimits } from "../../src/sql/index.ts";
import { OpenUnits } from "../../src/sql/process/open-units.ts";
import { RootHalf } from "../../src/sql/process/root-half.ts";
import { runJob } from "../../src/sql/process/run-job.ts";

/** Were the lists of the language to let something through, SQLite itself would still ask before it compiles it. */
describe("text that no list has seen", () => {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-fence-"));
  const units = new OpenUnits(runLimits, join(folder, "verified"), 4);
  const root = new RootHalf(runLimits, { units, clock: systemClock });
  afterAll(() => rmSync(folder, { recursive: true }));

  const documents = { name: "documents", columns: [{ name: "id", type: "TEXT" }], rows: [] };
  const rows = [["a", "text", "{}", null, "2024", "2024", 0]];
  const part = { name: "part", columns: [{ name: "c0", type: "" }] };
  const limits = { maxRows: 10, maxBytes: 10_000 };
  const work = (sql: string) =>
    ({
      units: [{ kind: "rows", rows }],
      sql,
      values: {},
      part,
      through: "memory",
      path: join(folder, "x"),
      ...limits,
    }) as const;
  const final = (sql: string) => ({ part, known: [], tables: [], sql, values: {}, ...limits });

  const fine = "SELECT count(*) FROM documents";
  const ways = {
    "when it is checked": (sql: string) => runJob({ kind: "prepare", sql, tables: [documents] }, { units, root }),
    "in a leaf": (sql: string) =>
      runJob({ kind: "whole", leaf: work(sql), final: final('SELECT * FROM "part"') }, { units, root }),
    "at the root": (sql: string) => runJob({ kind: "whole", leaf: work(fine), final: final(sql) }, { units, root }),
  };

  const refused = [
    "SELECT name FROM sqlite_schema",
    "SELECT name FROM temp.sqlite_schema",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM dbstat",
    "SELECT load_extension('x')",
    "SELECT sqlite_compileoption_get(0)",
    "SELECT vec_version()",
    "SELECT last_insert_rowid()",
  ];
  const statements = ["PRAGMA journal_mode", "ATTACH 'x' AS x", "CREATE VIEW v AS SELECT 1", "CREATE TABLE t(a)"];

  for (const [way, run] of Object.entries(ways)) {
    test.each(refused)(`is refused ${way}: %s`, (sql) => {
      expect(() => run(sql)).toThrow(/sql_not_allowed|was told|sql_failed|SQLite says/);
    });
    // What was refused left nothing behind.
    test(`and the next statement runs ${way}`, () => {
      expect(() => run(way === "at the root" ? "SELECT c0 FROM part" : fine)).not.toThrow();
    });
  }
  test.each(statements)("is refused as a statement: %s", (sql) => {
    expect(() => ways["when it is checked"](sql)).toThrow();
    expect(() => ways["at the root"](sql)).toThrow();
  });
  test("a leaf's statement writes to its part alone", () => {
    expect(() => ways["in a leaf"]("SELECT 1 FROM memory.t0")).toThrow();
    expect(() => ways["in a leaf"]("SELECT 1 FROM main.rows")).not.toThrow();
  });
});
